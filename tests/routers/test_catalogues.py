"""The catalogues and the dictionary: read one by one, and page by page."""

from decimal import Decimal

import httpx
import pytest

from tests.factories.answers import problem
from tests.factories.grounds import Grounds
from tests.factories.operations import lists
from tests.factories.pages import walk
from tests.factories.subscribers import DICTIONARY


@pytest.mark.parametrize(
    ("path", "name"), [("/v1/features", "name"), ("/v1/touchpoints", "code"), ("/v1/actions", "code")]
)
def test_pages_walk_the_whole_list_without_loss_or_repeats(api: httpx.Client, path: str, name: str) -> None:
    whole = api.get(path, params={"limit": "200"}).json()
    names = [item[name] for item in whole["items"]]

    assert whole["next_cursor"] is None
    assert names == sorted(names)
    assert len(set(names)) == len(names) > 7
    for limit in (1, 3, len(names)):
        assert walk(api, path, limit) == whole["items"]


def test_every_list_has_the_same_shape(api: httpx.Client, grounds: Grounds) -> None:
    for operation in lists():
        shape = grounds.request(operation).send(api).json().keys()
        assert shape - {"run", "threshold"} == {"items", "next_cursor"}, operation  # which a watchlist says besides


def test_a_page_past_the_end_is_empty(api: httpx.Client) -> None:
    last = api.get("/v1/actions", params={"limit": "200"}).json()["items"][-1]["code"]
    cursor = api.get("/v1/actions", params={"limit": "1"}).json()["next_cursor"]

    assert cursor
    assert walk(api, "/v1/actions", 1)[-1]["code"] == last


def test_the_dictionary_lists_each_feature_with_what_it_may_be(api: httpx.Client) -> None:
    found = {item["name"]: item for item in walk(api, "/v1/features", 50)}

    assert {feature.name for feature in DICTIONARY} <= found.keys()
    assert found["tenure_months"] == {
        "name": "tenure_months",
        "type": "number",
        "unit": None,
        "minimum": 0.0,
        "maximum": 1_000_000.0,
        "levels": [],
        "source": "test",
    }
    assert (found["contract"]["type"], found["senior"]["type"]) == ("category", "boolean")


def test_a_touchpoint_states_its_one_promise(api: httpx.Client) -> None:
    found = api.get("/v1/touchpoints/hotline").json()

    assert (found["code"], found["channels"], found["promise_hours"]) == ("hotline", ["call"], 48)


def test_an_action_states_whom_it_is_for_what_it_costs_and_what_it_is_believed_to_change(api: httpx.Client) -> None:
    found = api.get("/v1/actions/contract_12m_discount").json()

    assert found in walk(api, "/v1/actions", 50)
    assert {name: found[name] for name in ("kind", "contact_cost", "accept_cost", "monthly_arpu_effect")} == {
        "kind": "offer",
        "contact_cost": "6.00",
        "accept_cost": "10.00",
        "monthly_arpu_effect": "-6.00",
    }
    assert found["effect_prior"] == {"mean": 0.18, "sd": 0.06}
    assert found["caps"] == [{"window_days": 7, "max": 1}, {"window_days": 90, "max": 3}]
    assert found["say"].keys() >= {"en", "zh-CN"}
    assert found["priced"] is True


def test_money_is_a_decimal_text(api: httpx.Client) -> None:
    for action in walk(api, "/v1/actions", 50):
        for name in ("contact_cost", "accept_cost", "monthly_arpu_effect"):
            assert isinstance(action[name], str)
            assert Decimal(action[name]).as_tuple().exponent == -2


@pytest.mark.parametrize("path", ["/v1/touchpoints/nowhere", "/v1/actions/nothing"])
def test_what_is_not_in_the_catalogue_is_not_found(api: httpx.Client, path: str) -> None:
    problem(api.get(path), 404)
