"""rewrap: a new master key takes over, and the one before may go."""

import base64
import os
from typing import Any

import httpx
import psycopg

from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import serving
from tests.factories.contacts import call
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import subscriber
from tests.service import variables

PHONE = "+8613877001122"


def with_keys(settings: Settings, *keys: str) -> Settings:
    return Settings.model_validate(settings.model_dump() | {"master_keys": ",".join(keys)})


def found(api: httpx.Client) -> list[str]:
    return [item["subscriber_id"] for item in api.post("/v1/subscribers/search", json={"phone": PHONE}).json()["items"]]


def test_a_new_key_takes_over_and_the_one_before_may_go(
    own_settings: Settings, stayline: Command, store: psycopg.Connection
) -> None:
    old, new = own_settings.master_keys.get_secret_value(), base64.b64encode(os.urandom(32)).decode()
    lay_dictionary(own_settings)
    with serving(own_settings) as before:
        people = [subscriber(before.client, contact={"phone": PHONE, "name": "Su Shi"}) for _ in range(3)]
        repeated: dict[str, Any] = {"json": call(people[0], reason="in confidence")}
        repeated["headers"] = {"idempotency-key": "once"}
        first = before.client.post("/v1/interactions", **repeated)
    both = with_keys(own_settings, new, old)
    rewrap = Command(stayline.folder, variables(both))
    told = rewrap.succeeds("rewrap")
    assert "3 data keys sealed anew" in told
    assert "1 kept answers are still under an earlier key" in told
    assert "0 data keys sealed anew" in rewrap.succeeds("rewrap")

    with serving(both) as meanwhile:
        with meanwhile.as_caller(before.key) as caller:
            again = caller.post("/v1/interactions", **repeated)
        assert (again.headers["idempotent-replayed"], again.content) == ("true", first.content)
        assert sorted(found(meanwhile.client)) == sorted(people)
    with serving(with_keys(own_settings, new)) as after:
        assert sorted(found(after.client)) == sorted(people)
        listed = after.client.get("/v1/interactions", params={"subscriber_id": people[0]}).json()["items"]
        assert listed[0]["reason"] == "in confidence"
        assert after.client.get(f"/v1/subscribers/{people[1]}/export").json()["tables"]["subscribers"][0][
            "contact"
        ] == {
            "phone": PHONE,
            "name": "Su Shi",
        }
    assert len({key for (key,) in store.execute("SELECT substring(data_key, 1, 4) FROM subscribers")}) == 1


def test_a_key_that_is_missing_is_told_in_one_line(own_settings: Settings, stayline: Command) -> None:
    lay_dictionary(own_settings)
    with serving(own_settings) as running:
        subscriber(running.client)
    other = with_keys(own_settings, base64.b64encode(os.urandom(32)).decode())
    assert "STAYLINE_MASTER_KEYS" in Command(stayline.folder, variables(other)).fails("rewrap")
