"""What is sealed opens with the right key in the right place, and nowhere else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vault import KEY_ID_BYTES, NONCE_BYTES, Unsealable, Vault

TAG_BYTES = 16
OLD, NEW = os.urandom(32), os.urandom(32)
VAULT = Vault([NEW])


@given(st.binary(), st.text())
def test_what_is_sealed_opens_again(data: bytes, context: str) -> None:
    assert VAULT.unseal(VAULT.seal(data, context), context) == data


@given(st.binary(min_size=4), st.text())
def test_what_is_sealed_shows_nothing_of_it_but_its_length(data: bytes, context: str) -> None:
    sealed = VAULT.seal(data, context)
    assert data not in sealed
    assert len(sealed) == KEY_ID_BYTES + NONCE_BYTES + len(data) + TAG_BYTES


def test_equal_texts_are_sealed_differently() -> None:
    assert len({VAULT.seal(b"+8613800001234", "s-1") for _ in range(100)}) == 100


@given(st.text(), st.text())
def test_a_sealed_value_moved_to_another_place_does_not_open(context: str, elsewhere: str) -> None:
    sealed = VAULT.seal(b"+8613800001234", context)
    if elsewhere != context:
        with pytest.raises(Unsealable):
            VAULT.unseal(sealed, elsewhere)


@given(st.data())
def test_a_sealed_value_with_one_bit_changed_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(b"+8613800001234", "s-1"))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unsealable):
        VAULT.unseal(bytes(sealed), "s-1")


@given(st.integers(0, KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES))
def test_a_sealed_value_cut_short_does_not_open(length: int) -> None:
    with pytest.raises(Unsealable):
        VAULT.unseal(VAULT.seal(b"+8613800001234", "s-1")[:length], "s-1")


@given(st.binary(max_size=200))
def test_what_was_never_sealed_does_not_open(rubbish: bytes) -> None:
    with pytest.raises(Unsealable):
        VAULT.unseal(rubbish, "s-1")


def test_a_refusal_repeats_nothing_of_the_value() -> None:
    sealed = VAULT.seal(b"+8613800001234", "s-1")
    with pytest.raises(Unsealable) as refused:
        VAULT.unseal(sealed, "s-2")
    assert "13800001234" not in str(refused.value)


# ── rotation ──


def test_after_rotation_the_old_key_still_opens_and_the_new_one_seals() -> None:
    sealed_before = Vault([OLD]).seal(b"before", "s-1")
    rotated = Vault([NEW, OLD])
    assert rotated.unseal(sealed_before, "s-1") == b"before"
    assert Vault([NEW]).unseal(rotated.seal(b"after", "s-1"), "s-1") == b"after"


def test_a_value_whose_key_is_no_longer_in_the_settings_does_not_open_and_the_setting_is_named() -> None:
    sealed_before = Vault([OLD]).seal(b"before", "s-1")
    with pytest.raises(Unsealable, match="STAYLINE_MASTER_KEYS"):
        Vault([NEW]).unseal(sealed_before, "s-1")


def test_a_key_given_twice_is_one_key() -> None:
    assert Vault([OLD, OLD]).unseal(Vault([OLD]).seal(b"x", "s-1"), "s-1") == b"x"


# ── subscribers ──


def test_the_data_key_of_a_subscriber_opens_what_is_sealed_with_it() -> None:
    data_key = VAULT.new_data_key("s-1")
    sealed = VAULT.of(data_key, "s-1").seal(b"+8613800001234", "contact")
    assert VAULT.of(data_key, "s-1").unseal(sealed, "contact") == b"+8613800001234"


def test_the_vault_of_one_subscriber_cannot_open_that_of_another() -> None:
    one, another = (VAULT.of(VAULT.new_data_key(name), name) for name in ("s-1", "s-2"))
    with pytest.raises(Unsealable):
        another.unseal(one.seal(b"+8613800001234", "contact"), "contact")


def test_the_data_key_of_one_subscriber_does_not_serve_another() -> None:
    # Nobody gains anything by copying a stored key from one row to another.
    with pytest.raises(Unsealable):
        VAULT.of(VAULT.new_data_key("s-1"), "s-2")


def test_without_its_data_key_a_sealed_field_stays_sealed_even_to_the_master_key() -> None:
    # Erasing the data key erases every copy of the field, those in backups included.
    sealed = VAULT.of(VAULT.new_data_key("s-1"), "s-1").seal(b"+8613800001234", "contact")
    for vault in (VAULT, VAULT.of(VAULT.new_data_key("s-1"), "s-1")):
        with pytest.raises(Unsealable):
            vault.unseal(sealed, "contact")


def test_data_keys_survive_the_rotation_of_the_master_key() -> None:
    data_key = Vault([OLD]).new_data_key("s-1")
    sealed = Vault([OLD]).of(data_key, "s-1").seal(b"+8613800001234", "contact")
    assert Vault([NEW, OLD]).of(data_key, "s-1").unseal(sealed, "contact") == b"+8613800001234"


# ── fingerprints ──


@given(st.binary(), st.binary())
def test_a_fingerprint_is_recognised_of_equal_data_alone(data: bytes, other: bytes) -> None:
    fingerprint = VAULT.fingerprint(data)
    assert VAULT.recognises(data, fingerprint)
    assert VAULT.recognises(other, fingerprint) == (other == data)


def test_a_fingerprint_is_still_recognised_after_rotation_and_no_longer_when_the_key_is_gone() -> None:
    fingerprint = Vault([OLD]).fingerprint(b"body")
    assert Vault([NEW, OLD]).recognises(b"body", fingerprint)
    assert not Vault([NEW, OLD]).recognises(b"other", fingerprint)
    assert not Vault([NEW]).recognises(b"body", fingerprint)


def test_a_fingerprint_cannot_be_made_without_the_key() -> None:
    assert Vault([OLD]).fingerprint(b"body") != Vault([NEW]).fingerprint(b"body")
