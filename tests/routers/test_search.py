"""Whoever calls is found by their phone, which stands nowhere: not in the store, the logs or the answers."""

import base64
import logging
import os

import httpx
import psycopg
import pytest

from app.vault import Vault
from tests.conftest import make_settings, serving
from tests.factories.answers import refused_fields
from tests.factories.subscribers import new_id, subscriber
from tests.factories.tables import where_found
from tests.service import Service


def search(api: httpx.Client, **asked: object) -> httpx.Response:
    return api.post("/v1/subscribers/search", json=asked)


def found(api: httpx.Client, **asked: object) -> list[str]:
    answer = search(api, **asked)
    assert answer.status_code == 200, answer.text
    return [item["subscriber_id"] for item in answer.json()["items"]]


def change(api: httpx.Client, subscriber_id: str, **fields: object) -> None:
    changed = api.patch(f"/v1/subscribers/{subscriber_id}", json=fields, headers={"if-match": "*"})
    assert changed.status_code == 200


def test_a_phone_finds_whom_it_belongs_to_masked(api: httpx.Client) -> None:
    contact = {"phone": "+8613977000001", "name": "Lin Wei"}
    one = subscriber(api, contact=contact, brand="gold", value_tier="high", status="arrears")
    two = subscriber(api, contact={"phone": "+8613977000001"})
    subscriber(api, contact={"phone": "+8613977000002"})
    items = search(api, phone="+8613977000001").json()["items"]

    assert [item["subscriber_id"] for item in items] == sorted([one, two])
    [first] = [item for item in items if item["subscriber_id"] == one]
    assert first == {
        "subscriber_id": one,
        "contact": {"phone": "••••••••••0001", "name": "L•••"},
        "brand": "gold",
        "value_tier": "high",
        "status": "arrears",
    }
    assert found(api, phone="+8613977000003") == []


def test_the_index_follows_the_contact(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, contact={"phone": "+8613977000011"})
    change(api, subscriber_id, contact={"name": "Lin"})
    assert found(api, phone="+8613977000011") == [subscriber_id]
    change(api, subscriber_id, contact={"phone": "+8613977000012"})
    assert (found(api, phone="+8613977000011"), found(api, phone="+8613977000012")) == ([], [subscriber_id])
    change(api, subscriber_id, contact=None)
    assert found(api, phone="+8613977000012") == []


def test_nothing_shows_a_phone(api: httpx.Client, store: psycopg.Connection, caplog: pytest.LogCaptureFixture) -> None:
    """(B7)"""
    phone = "+8613977665533"
    with caplog.at_level(logging.DEBUG):
        subscriber_id = subscriber(api, contact={"phone": phone})
        answers = [search(api, phone=phone), api.get(f"/v1/subscribers/{subscriber_id}")]

    for shown in (*(answer.text for answer in answers), caplog.text):
        assert phone.removeprefix("+") not in shown
    assert not where_found(store, phone.removeprefix("+"))
    api.delete(f"/v1/subscribers/{subscriber_id}")
    assert found(api, phone=phone) == []


def test_a_phone_is_found_after_the_master_key_was_changed(service: Service) -> None:
    phone, old = "+8613977000021", service.settings.master_keys.get_secret_value()
    before = subscriber(service.client, contact={"phone": phone})
    keys = f"{base64.b64encode(os.urandom(32)).decode()},{old}"
    url = service.settings.database_url.get_secret_value()
    settings = make_settings(url, service.settings.models_dir, master_keys=keys)
    with serving(settings) as rotated:
        after = subscriber(rotated.client, contact={"phone": phone})
        assert found(rotated.client, phone=phone) == sorted([before, after])


def test_without_the_key_a_phone_cannot_be_told_from_its_index() -> None:
    one, two = Vault([os.urandom(32)]), Vault([os.urandom(32)])

    assert one.phone_digest("+8613977000021") == one.phone_digest("+8613977000021")
    assert one.phone_digest("+8613977000021") != two.phone_digest("+8613977000021")
    assert one.phone_digest("+8613977000021") != one.fingerprint(b"+8613977000021")


def test_the_beginning_of_an_id_finds_up_to_twenty(api: httpx.Client) -> None:
    prefix = f"few_{new_id()}"
    ids = [f"{prefix}.{n:02}" for n in range(25)]
    for id in [*ids, prefix.replace("_", "x") + ".00"]:
        api.put(f"/v1/subscribers/{id}", json={})

    assert found(api, id_prefix=prefix) == ids[:20]
    assert found(api, id_prefix=ids[7]) == [ids[7]]
    assert found(api, id_prefix=prefix.upper()) == []


@pytest.mark.parametrize("asked", [{}, {"phone": "+8613977000001", "id_prefix": "a"}, {"phone": None}])
def test_a_search_takes_one_of_the_two(api: httpx.Client, asked: dict[str, object]) -> None:
    assert refused_fields(search(api, **asked)) == {"/phone", "/id_prefix"}


@pytest.mark.parametrize("asked", [{"phone": "13977000001"}, {"id_prefix": "%"}, {"id_prefix": ""}, {"name": "Lin"}])
def test_what_is_neither_is_refused_by_the_name_of_its_field(api: httpx.Client, asked: dict[str, object]) -> None:
    assert refused_fields(search(api, **asked)) == {f"/{name}" for name in asked}
