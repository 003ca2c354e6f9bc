"""Requirement E26: the channel a person answers best on is learned from what they said on each."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.channels import Answers, answers_by_channel, by_preference, find_preference
from app.domain.interactions import Channel
from app.domain.outcomes import OutcomeKind

CALL, SMS, SHOP, APP = Channel.CALL, Channel.SMS, Channel.SHOP, Channel.APP
YES, NO, SILENCE, LATER = (
    OutcomeKind.ACCEPTED,
    OutcomeKind.DECLINED,
    OutcomeKind.NO_RESPONSE,
    OutcomeKind.LATER,
)
counts = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda pair: Answers(pair[0], sum(pair)))
all_answers = st.dictionaries(st.sampled_from(Channel), counts)


def said(**answers: tuple[int, int]) -> dict[Channel, Answers]:
    return {Channel(name): Answers(*pair) for name, pair in answers.items()}


def test_a_yes_a_no_and_silence_count_and_what_is_put_off_or_came_later_does_not() -> None:
    told = [(SMS, YES), (SMS, NO), (SMS, SILENCE), (CALL, LATER), (CALL, OutcomeKind.CHURNED), (None, YES)]
    assert answers_by_channel(told) == said(sms=(1, 3))


@pytest.mark.parametrize(
    ("answers", "preferred"),
    [
        ({}, None),
        (said(sms=(2, 2)), None),  # too few
        (said(sms=(3, 3)), None),  # no other to be better than
        (said(sms=(3, 3), call=(0, 1)), SMS),
        (said(sms=(3, 4), call=(5, 6)), CALL),
        (said(sms=(0, 5), call=(0, 5)), None),
    ],
)
def test_a_preference_takes_enough_answers_and_a_difference(
    answers: Mapping[Channel, Answers], preferred: Channel | None
) -> None:
    found = find_preference(list(Channel), answers)
    assert (found and found.channel) == preferred


def test_a_preference_says_why() -> None:
    found = find_preference([CALL, SMS], said(call=(0, 5), sms=(3, 4)))
    assert found
    assert found.because == "sms: accepted 3 of 4; call: accepted 0 of 5"


def test_a_channel_that_was_only_refused_comes_after_those_never_tried() -> None:
    assert by_preference([CALL, SMS, SHOP, APP], said(call=(0, 4), app=(3, 4))) == [APP, SMS, SHOP, CALL]


@given(all_answers, st.sampled_from(Channel))
def test_a_yes_never_moves_a_channel_down_and_a_no_never_up(answers: dict[Channel, Answers], one: Channel) -> None:
    now = answers.get(one, Answers())
    place = by_preference(Channel, answers).index(one)
    yes = answers | {one: Answers(now.accepted + 1, now.answered + 1)}
    no = answers | {one: Answers(now.accepted, now.answered + 1)}
    if now.answered:
        assert by_preference(Channel, yes).index(one) <= place
        assert by_preference(Channel, no).index(one) >= place


@given(all_answers, st.sets(st.sampled_from(Channel)))
def test_only_a_channel_we_may_use_is_preferred(answers: dict[Channel, Answers], may: set[Channel]) -> None:
    found = find_preference(may, answers)
    assert found is None or found.channel in may
