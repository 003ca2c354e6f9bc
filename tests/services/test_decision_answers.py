"""How much of a trace is shown."""

import pytest

from app.schemas.decisions import TraceDetail
from app.services.decision_answers import MOST_TRACED, show_trace


def entries(number: int) -> list[dict[str, str]]:
    return [{"action": f"a{n}", "verdict": "kept" if n < 3 else "removed"} for n in range(number)]


@pytest.mark.parametrize(
    ("detail", "number", "shown"),
    [
        ("full", 101, 101),
        ("summary", 101, 3),
        ("none", 101, 0),
        (None, MOST_TRACED, MOST_TRACED),
        (None, MOST_TRACED + 1, 3),
    ],
)
def test_a_trace_is_as_long_as_was_asked_and_unasked_a_long_one_is_short(
    detail: TraceDetail | None, number: int, shown: int
) -> None:
    assert len(show_trace(entries(number), detail)) == shown
