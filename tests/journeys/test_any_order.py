"""Whatever the order in which things arrive, however often, through whichever instance: the same is known in the end.

Requirement of the shared memory itself: middleware repeats and reorders.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers, expectation
from tests.service import Service, client_of, serving_process

pytestmark = pytest.mark.slow

PERMUTATIONS = int(os.environ.get("STAYLINE_PERMUTATIONS", "150"))  # a thousand take a minute and a half
Event = tuple[str, dict[str, Any]]
CONTACT, COMPLAINT, ANSWER = "/v1/interactions", "/v1/complaints", "/v1/survey-responses"
TOLD_APART = {"id", "subscriber_id", "recorded_at", "created_at", "updated_at", "source_id", "client_reference"}
DAYS = [moments_ago(days=days) for days in range(10, 0, -1)]


def events(subscriber_id: str) -> list[Event]:
    """Nine days with one subscriber; each thing has its caller's own name for it."""
    told: list[Event] = [
        (CONTACT, call(subscriber_id, occurred_at=DAYS[0], reason="My bill is too high")),
        (CONTACT, call(subscriber_id, occurred_at=DAYS[1], need="plan_enquiry")),
        (CONTACT, call(subscriber_id, occurred_at=DAYS[8], channel="app", touchpoint="app_selfcare", visit="v")),
        (COMPLAINT, complaint(subscriber_id, occurred_at=DAYS[2])),
        (ANSWER, answers(subscriber_id, {"item": "solved", "score": 2}, answered_at=DAYS[3])),
        (ANSWER, answers(subscriber_id, expectation("empathy", 9, 7, 5), answered_at=DAYS[4])),
        (CONTACT, call(subscriber_id, occurred_at=DAYS[5], need="leave", agent_id="agent-3")),
        (CONTACT, call(subscriber_id, occurred_at=DAYS[6], direction="outbound")),
        (ANSWER, answers(subscriber_id, {"item": "solved", "score": 9}, answered_at=DAYS[7])),
    ]
    return [(path, body | {"client_reference": f"{subscriber_id}-{n}"}) for n, (path, body) in enumerate(told)]


def send(apis: Sequence[httpx.Client], chance: random.Random, told: list[Event]) -> None:
    """Send events in order, neighbouring contacts sometimes as one batch, each request through any instance."""
    for path, group in groupby(told, key=lambda event: event[0]):
        bodies = [body for _, body in group]
        api = chance.choice(apis)
        if path == CONTACT and chance.random() < 0.5:
            statuses = {item["status"] for item in sent(api, f"{path}/batch", {"items": bodies}).json()["items"]}
        else:
            statuses = {sent(api, path, body).status_code for body in bodies}
        assert statuses <= {200, 201}, statuses


def sent(api: httpx.Client, path: str, body: Any) -> httpx.Response:
    """Send as a client does: who is told that there is no time right now sends the same again."""
    answer = api.post(path, json=body)
    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return answer
    time.sleep(float(answer.headers["retry-after"]))
    return api.post(path, json=body)


def known(api: httpx.Client, subscriber_id: str) -> Any:
    """Everything that is known in the end, without what only tells one subscriber from another."""
    seen = api.get(f"/v1/subscribers/{subscriber_id}/overview").json()
    cases = api.get("/v1/care-cases", params={"subscriber_id": subscriber_id}).json()["items"]
    del seen["at"], seen["profile"]
    return plain([seen, cases])


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name not in TOLD_APART}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture
def instances(settings: Settings, service: Service) -> Iterator[Callable[[], httpx.Client]]:
    """Starts instances of the service, each a process of its own on the same store."""
    with ExitStack() as stack:

        def start() -> httpx.Client:
            url = stack.enter_context(serving_process(settings))
            return stack.enter_context(client_of(url, service.key, timeout=30))

        yield start


def test_any_order_and_any_repetition_leave_the_same_behind(instances: Callable[[], httpx.Client]) -> None:
    apis = [instances()]
    in_order = subscriber(apis[0])
    send(apis, random.Random(0), events(in_order))  # noqa: S311  # an order, not a secret
    expected = known(apis[0], in_order)

    def differs(seed: int) -> bool:
        chance = random.Random(seed)  # noqa: S311  # an order, not a secret
        subscriber_id = subscriber(apis[0])
        told = events(subscriber_id)
        told += chance.choices(told, k=chance.randint(0, 6))
        chance.shuffle(told)
        send(apis, chance, told)
        return bool(known(chance.choice(apis), subscriber_id) != expected)

    with ThreadPoolExecutor(3) as threads:
        alone = list(threads.map(differs, range(PERMUTATIONS // 2)))
        apis.append(instances())  # another one, while the first is at work
        together = list(threads.map(differs, range(PERMUTATIONS // 2, PERMUTATIONS)))
    assert [seed for seed, different in enumerate(alone + together) if different] == []
