"""The shipped catalogue of touchpoints."""

from collections import defaultdict
from importlib.resources import files
from typing import Any

import yaml

from app.domain.touchpoints import Category, JourneyStage, Sense, TouchpointKind
from app.schemas.touchpoints import TouchpointRow

ROWS: list[dict[str, Any]] = yaml.safe_load((files("app") / "catalogue" / "touchpoints.yaml").read_text("utf-8"))


def test_there_are_at_least_a_hundred_each_fit_for_the_wire() -> None:
    # F1
    assert len({TouchpointRow.model_validate(row).code for row in ROWS}) == len(ROWS) >= 100


def test_every_category_stage_kind_and_sense_is_met() -> None:
    # F2, F3, F4, F5
    for column, known in (("category", Category), ("stage", JourneyStage), ("kind", TouchpointKind), ("sense", Sense)):
        assert {row[column] for row in ROWS} == set(known)
    assert list(JourneyStage) == ["search", "site", "shopping", "satisfaction"]


def test_one_need_has_one_promise() -> None:
    # F28
    promises = defaultdict(set)
    for row in ROWS:
        promises[row.get("need")].add(row["promise_hours"])
    del promises[None]

    assert {"bill_dispute", "complaint", "network_fault"} <= promises.keys()
    assert {need: hours for need, hours in promises.items() if len(hours) > 1} == {}


def test_a_visit_to_a_shop_is_several_touchpoints() -> None:
    # F5: a sign is seen, a door is pushed, a counter is spoken at
    met = {row["code"]: (row["kind"], row["sense"]) for row in ROWS}

    assert met["shop_sign"] == ("person_environment", "visual")
    assert met["shop_door"] == ("person_environment", "physical")
    assert met["shop_smell"] == ("person_environment", "sensory")
    assert met["shop_greeting"] == ("person_person", "communication")
