"""The loop for the dissatisfied: no stage is skipped, every gate has its evidence (E1, E21), order does not matter."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.care_cases import STEPS, CareCause, CareEvidence, CareStage, missing_evidence, with_evidence

AT = datetime(2026, 11, 1, tzinfo=UTC)
pieces = st.builds(
    lambda source, number: {
        "source": source,
        "id": str(UUID(int=number)),
        "at": (AT + timedelta(hours=number)).isoformat(),
    },
    st.sampled_from(["survey", "complaint"]),
    st.integers(0, 6),
)


def test_no_stage_is_skipped() -> None:
    for before, after in pairwise(CareStage):
        assert after in STEPS[before]
    assert all(CareStage.EVALUATED not in STEPS[stage] for stage in (CareStage.LOCATED, CareStage.ANALYSED))
    assert STEPS[CareStage.EVALUATED] == frozenset()


@pytest.mark.parametrize(
    ("stage", "missing"),
    [
        (CareStage.LOCATED, []),
        (CareStage.ANALYSED, ["cause", "analysis"]),
        (CareStage.CARED, ["cause", "analysis", "care_given"]),
        (CareStage.EVALUATED, ["cause", "analysis", "care_given", "satisfied"]),
    ],
)
def test_every_gate_asks_for_its_evidence(stage: CareStage, missing: list[str]) -> None:
    assert missing_evidence(stage, CareEvidence(None, None, None, None)) == missing


@pytest.mark.parametrize("satisfied", [None, False])
def test_a_case_does_not_end_before_the_subscriber_is_satisfied(satisfied: bool | None) -> None:  # noqa: FBT001  # a column of the table above
    evidence = CareEvidence(CareCause.NETWORK, "why", "what", satisfied)

    assert missing_evidence(CareStage.EVALUATED, evidence) == ["satisfied"]


@given(st.lists(pieces, max_size=12), st.randoms(use_true_random=False))
def test_the_same_evidence_makes_the_same_list_in_whatever_order_it_comes(
    given: list[dict[str, Any]], chance: Any
) -> None:
    shuffled = [*given, *given]
    chance.shuffle(shuffled)

    assert _all(shuffled) == _all(given)
    assert [piece["at"] for piece in _all(given)] == sorted(piece["at"] for piece in _all(given))


def _all(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = []
    for piece in given:
        known = with_evidence(known, piece)
    return known
