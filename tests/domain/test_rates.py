"""A caller may send so many requests a second, and no more, however it spreads them."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.rates import Rates

waits = st.lists(st.floats(0, 3), min_size=1, max_size=60)


@given(st.integers(1, 20), waits)
def test_no_more_are_let_through_than_the_time_brings(limit: int, pauses: list[float]) -> None:
    rates, at, granted = Rates(limit), 0.0, 0
    for pause in pauses:
        at += pause
        granted += rates.take("crm", at) is not None
        assert granted <= limit + at * limit + 1e-6


@given(st.integers(1, 20), waits)
def test_who_keeps_within_the_rate_is_never_refused(limit: int, pauses: list[float]) -> None:
    rates, at = Rates(limit), 0.0
    for pause in pauses:
        at += pause + 1 / limit + 1e-9
        assert rates.take("crm", at) is not None


def test_callers_do_not_share_a_bucket_and_the_one_unseen_longest_is_forgotten() -> None:
    rates = Rates(2, most_callers=2)
    assert [rates.take("a", 0), rates.take("a", 0), rates.take("a", 0)] == [1, 0, None]
    assert rates.take("b", 0) == 1
    assert rates.take("c", 0) == 1
    assert rates.take("a", 0) == 1


def test_a_clock_that_goes_back_gives_and_takes_nothing() -> None:
    rates = Rates(2)
    assert [rates.take("a", 10), rates.take("a", 5), rates.take("a", 5)] == [1, 0, None]


@given(st.integers(1, 20), waits)
def test_who_is_exhausted_is_refused_and_nobody_else(limit: int, pauses: list[float]) -> None:
    rates, at = Rates(limit), 0.0
    for pause in pauses:
        at += pause / 10
        assert rates.exhausted("crm", at) == (rates.take("crm", at) is None)


def test_without_a_limit_nobody_is_exhausted() -> None:
    assert not Rates(0).exhausted("crm", 0)
