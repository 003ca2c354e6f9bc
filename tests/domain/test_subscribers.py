"""How what identifies a subscriber is shown."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.subscribers import INVOLUNTARY, MASK, SubscriberStatus, mask_email, mask_phone, mask_text

phones = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
emails = st.from_regex(r"[a-z.]{1,20}@[a-z]{1,10}\.[a-z]{2,3}", fullmatch=True)


@given(phones | st.text())
def test_a_masked_phone_never_shows_more_than_four_digits(phone: str) -> None:
    # B7: no raw number leaves the API.
    masked = mask_phone(phone)
    assert sum(character.isdigit() for character in masked) <= 4
    assert len(masked) == len(phone)


@given(phones)
def test_a_masked_phone_shows_its_last_four_digits_alone(phone: str) -> None:
    assert mask_phone(phone) == MASK * (len(phone) - 4) + phone[-4:]


@given(st.text())
def test_a_masked_text_shows_its_first_character_and_not_how_long_it_is(text: str) -> None:
    assert mask_text(text) == text[:1] + MASK * 3


@given(emails)
def test_a_masked_address_shows_where_but_not_who(email: str) -> None:
    name, host = email.split("@")
    assert mask_email(email) == f"{name[0]}{MASK * 3}@{host}"


@pytest.mark.parametrize(
    ("mask", "plain", "masked"),
    [
        (mask_phone, "+8613800001234", "••••••••••1234"),
        (mask_text, "王小明", "王•••"),
        (mask_text, "", "•••"),
        (mask_email, "li.na@example.cn", "l•••@example.cn"),
    ],
)
def test_masks_look_as_agents_know_them(mask: Callable[[str], str], plain: str, masked: str) -> None:
    assert mask(plain) == masked


def test_the_operator_cut_off_whom_it_suspended_and_who_is_in_arrears() -> None:
    # A11
    assert {SubscriberStatus.SUSPENDED, SubscriberStatus.ARREARS} == INVOLUNTARY
