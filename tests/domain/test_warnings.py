"""A group's three signals (D4–D6): one or two are no warning."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.warnings import Reading, Signal, warns

SHOWING = {Signal.FORWARDING: Reading(1, 3), Signal.BILL: Reading(100, 80), Signal.OFFNET: Reading(2, 3)}
CALM = {Signal.FORWARDING: Reading(1, 1), Signal.BILL: Reading(100, 100), Signal.OFFNET: Reading(0.4, 0.4)}
FIGURES = st.floats(0, 1e6)


def test_only_all_three_signals_together_warn() -> None:
    """Requirement D6: not for one, nor for two."""
    assert warns(SHOWING)
    for few in (combination for size in (0, 1, 2) for combination in combinations(Signal, size)):
        assert not warns(CALM | {signal: SHOWING[signal] for signal in few})


@pytest.mark.parametrize("signal", list(Signal))
def test_what_was_not_read_does_not_show(signal: Signal) -> None:
    assert not warns({other: reading for other, reading in SHOWING.items() if other is not signal})


@pytest.mark.parametrize(
    ("signal", "just_not"),
    [
        (Signal.FORWARDING, Reading(1, 2.99)),  # requirement D4
        (Signal.BILL, Reading(100, 80.01)),  # requirement D5
        (Signal.OFFNET, Reading(2, 2.99)),
    ],
)
def test_a_signal_shows_from_its_threshold_on(signal: Signal, just_not: Reading) -> None:
    assert not warns(SHOWING | {signal: just_not})


@pytest.mark.parametrize(
    ("signal", "tiny"),
    [(Signal.FORWARDING, Reading(0, 0.9)), (Signal.BILL, Reading(0, 0)), (Signal.OFFNET, Reading(0, 0.09))],
)
def test_a_change_of_next_to_nothing_shows_nothing(signal: Signal, tiny: Reading) -> None:
    assert not warns(SHOWING | {signal: tiny})


@given(FIGURES, FIGURES, FIGURES, st.floats(0, 1), st.sampled_from(list(Signal)))
def test_what_is_worse_never_warns_less(
    forwards: float, bill: float, offnet: float, more: float, which: Signal
) -> None:
    readings = {
        Signal.FORWARDING: Reading(1, forwards),
        Signal.BILL: Reading(100, bill),
        Signal.OFFNET: Reading(1, offnet),
    }
    reading = readings[which]
    worse = reading.after * (1 - more if which is Signal.BILL else 1 + more)

    assert not warns(readings) or warns(readings | {which: Reading(reading.before, worse)})
