"""First the answer to an action, later its result."""

import pytest

from app.domain.outcomes import OutcomeKind, Stage, is_final, stage_of

RESULTS = {OutcomeKind.RETAINED, OutcomeKind.CHURNED}


@pytest.mark.parametrize("outcome", OutcomeKind)
def test_whether_they_stayed_is_a_result_and_everything_else_a_response(outcome: OutcomeKind) -> None:
    # I22, J11: both are kept, so one does not overwrite the other.
    assert stage_of(outcome) is (Stage.RESULT if outcome in RESULTS else Stage.RESPONSE)


@pytest.mark.parametrize("outcome", OutcomeKind)
def test_only_later_leaves_the_answer_open(outcome: OutcomeKind) -> None:
    assert is_final(outcome) is (outcome is not OutcomeKind.LATER)
