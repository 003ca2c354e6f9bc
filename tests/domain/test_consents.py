"""What was withdrawn is withdrawn, whichever way it was said."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.consents import allowed, forbids, strictest

consents = st.dictionaries(st.sampled_from(["all", "profiling", "marketing", "call", "sms"]), st.booleans())


@given(consents)
def test_what_is_not_mentioned_was_not_withdrawn(said: dict[str, bool]) -> None:
    everything = said.get("all") is False

    for purpose in ("profiling", "marketing", "call"):
        assert forbids(said, purpose) == (everything or said.get(purpose) is False)
    assert allowed(said, ["call", "sms"]) == [one for one in ("call", "sms") if not forbids(said, one)]


@given(st.lists(consents, max_size=4))
def test_of_several_ids_the_strictest_word_counts(said: list[dict[str, bool]]) -> None:
    # B17
    together = strictest(said)

    assert together == strictest(said[::-1])
    for purpose in ("profiling", "marketing", "call"):
        assert forbids(together, purpose) == any(forbids(one, purpose) for one in said)
