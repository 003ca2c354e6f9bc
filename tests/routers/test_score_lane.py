"""The fast lane of scores answers as the route does, value for value, or leaves it to the route."""

import asyncio
import copy
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.access import Purpose
from app.ml.active import ActiveBundles
from app.routers import score_lane
from app.services.scores import Row
from tests.factories import hell
from tests.factories.subscribers import LEAVING, STAYING
from tests.service import Service

# What is said to be for a purpose is left to the route; this one changes nothing else.
BY_THE_ROUTE = {"X-Purpose": Purpose.UNSTATED.value}
JSON = {"Content-Type": "application/json"}


def raw(**question: Any) -> bytes:
    return json.dumps({"features": LEAVING} | question).encode()


def answered(api: httpx.Client, body: bytes, **headers: str) -> tuple[int, Any]:
    answer = api.post("/v1/scores", content=body, headers=JSON | headers)
    told = answer.json()
    if not answer.is_success:
        del told["request_id"]
    return answer.status_code, told


PLAIN = {
    "who leaves": raw(),
    "who stays": raw(features=STAYING),
    "no reasons": raw(drivers=0),
    "all reasons": raw(drivers=100),
    "a kind that is named": raw(churn_kind="port_out"),
    "somebody by id": raw(subscriber_id="sub-1"),
    "nobody by id": raw(subscriber_id=None),
    "a value that is not known": raw(features=LEAVING | {"total_charges": None}),
    "a level never seen": raw(features=LEAVING | {"contract": "For life"}),
    "a level in another script": json.dumps({"features": LEAVING | {"contract": "终身"}}, ensure_ascii=False).encode(),
    "white space": json.dumps({"features": LEAVING}, indent=4).encode(),
    "a whole number": raw(features=LEAVING | {"monthly_charges": 94}),
    "minus zero": raw(features=LEAVING | {"monthly_charges": -0.0}),
}
NOT_PLAIN = {
    "an id with a colon": raw(subscriber_id="a:b"),
    "an escape": raw(features=LEAVING | {"contract": "é"}),
    "an escape that no text may hold": raw(features=LEAVING | {"contract": "\0"}),
    "a control character": raw(features=LEAVING | {"contract": "\x7f"}).replace(b"\\u007f", b"\x7f"),
    "a feature twice": raw().replace(b'"senior"', b'"tenure_months": 2, "senior"'),
    "a field twice": raw(drivers=3).replace(b'"drivers"', b'"drivers": 4, "drivers"'),
    "a feature that is missing": raw(features={n: v for n, v in LEAVING.items() if n != "contract"}),
    "a feature that nobody knows": raw(features=LEAVING | {"shoe_size": 43}),
    "a value of another type": raw(features=LEAVING | {"senior": "no"}),
    "a value out of range": raw(features=LEAVING | {"tenure_months": -1}),
    "a value that is a list": raw(features=LEAVING | {"senior": [1]}),
    "a float for the number of reasons": raw(drivers=5.0),
    "true for the number of reasons": raw(drivers=True),
    "too many reasons": raw(drivers=101),
    "a kind that is none": raw(churn_kind="boredom"),
    "the kind of effects": raw(churn_kind="uplift"),
    "no kind": raw(churn_kind=None),
    "a field that is none": raw(mood="good"),
    "no features": b'{"subscriber_id":"nobody"}',
    "nothing": b"{}",
    **hell.MALFORMED,
    **{name: body for name, body in hell.NOT_OBJECTS.items() if body},
}


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN)
def test_what_is_plain_is_answered_as_by_the_route(api: httpx.Client, body: bytes) -> None:
    assert score_lane._question(body) is not None  # noqa: SLF001  # so that the two are compared, and not one with itself
    lane, route = answered(api, body), answered(api, body, **BY_THE_ROUTE)
    assert lane[0] == 200
    assert lane == route


@pytest.mark.parametrize("body", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_the_routes(api: httpx.Client, body: bytes) -> None:
    assert answered(api, body) == answered(api, body, **BY_THE_ROUTE)


@pytest.mark.parametrize("place", [("features", "contract"), ("features", "tenure_months"), ("drivers",)], ids=str)
def test_any_value_anywhere_is_answered_as_by_the_route(api: httpx.Client, place: tuple[str, ...]) -> None:
    question = {"features": LEAVING, "drivers": 5}
    for evil in (*hell.UNFIT.values(), *hell.ODD.values()):
        body = hell.with_raw(question, place, evil)
        assert answered(api, body) == answered(api, body, **BY_THE_ROUTE), evil


scalars = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=False), st.integers(), st.text(max_size=8), st.sampled_from(["Yes"])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(features=st.dictionaries(st.sampled_from(sorted(LEAVING)), scalars), drivers=st.integers(-1, 101))
def test_whatever_is_sent_is_answered_as_by_the_route(
    api: httpx.Client, features: dict[str, Any], drivers: int
) -> None:
    body = json.dumps({"features": LEAVING | features, "drivers": drivers}, ensure_ascii=False).encode(
        errors="surrogatepass"
    )
    assert answered(api, body) == answered(api, body, **BY_THE_ROUTE)


def test_many_at_once_are_each_answered_as_if_alone(api: httpx.Client) -> None:
    rows = [LEAVING | {"monthly_charges": 20.0 + number, "tenure_months": number % 70} for number in range(64)]
    bodies = [raw(features=row, drivers=number % 20) for number, row in enumerate(rows)]
    alone = [answered(api, body)[1] for body in bodies]
    with ThreadPoolExecutor(32) as threads:
        together = list(threads.map(lambda body: answered(api, body)[1], bodies * 4))

    for one, other in zip(together, alone * 4, strict=True):
        assert [driver["feature"] for driver in one["drivers"]] == [driver["feature"] for driver in other["drivers"]]
        shares = [driver.pop("contribution") for driver in one["drivers"]]
        assert shares == pytest.approx([driver.pop("contribution") for driver in copy.deepcopy(other)["drivers"]])
        for name in ("probability", "logit", "other_contribution"):
            assert one.pop(name) == pytest.approx(other[name], abs=1e-9)
        assert one["band"] == other["band"]


def test_who_hangs_up_while_others_wait_does_not_hurt_them(service: Service) -> None:
    """Of requests that are scored together every second one is gone before the answer comes."""
    address = (str(service.client.base_url.host), service.client.base_url.port or 0)
    body = raw()
    head = f"POST /v1/scores HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {service.key}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    for _ in range(20):
        callers = [socket.create_connection(address, timeout=5) for _ in range(16)]
        for number, caller in enumerate(callers):
            caller.sendall(request)
            if number % 2:
                caller.close()
        for caller in callers[::2]:
            assert caller.recv(12) == b"HTTP/1.1 200"
            caller.close()


def test_who_has_gone_keeps_nobody_from_hearing_that_the_model_failed(models_dir: Path) -> None:
    bundle = ActiveBundles(models_dir)["port_out"]
    row = Row({}, np.zeros((1, 1), np.float32), 5)  # of a width that no model has

    async def ask() -> None:
        together = score_lane.Together()
        gone, waits = together.score(bundle, row), together.score(bundle, row)
        gone.cancel()
        with pytest.raises(Exception, match="dimension"):
            await asyncio.wait_for(waits, 5)

    asyncio.run(ask())
