"""What identifies a person, sealed: one data key a subscriber, itself sealed by a master key from the settings.

Deleting a subscriber's data key makes sealed copies unreadable, once backups that hold the key have aged out.
AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D); layout: key id ‖ nonce ‖ ciphertext ‖ tag.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from app.settings import KEY_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
KEY_ID_BYTES: Final = 4


class Unsealable(Exception):
    """No known key opens this value: a master key is missing from the settings, or the bytes were changed."""


class Vault:
    """One or more 32-byte keys: the first seals, all of them unseal."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {hashlib.sha256(key).digest()[:KEY_ID_BYTES]: key for key in keys}
        self._sealing = next(iter(self._keys))
        self._ciphers: dict[bytes, AESGCM] = {}

    def seal(self, data: bytes, context: str) -> bytes:
        """Encrypt `data`, bound to `context` (whose it is, and which field): moved elsewhere it no longer opens."""
        nonce = os.urandom(NONCE_BYTES)
        return self._sealing + nonce + self._cipher(self._sealing).encrypt(nonce, data, context.encode())

    def unseal(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` made; raises Unsealable."""
        key_id = sealed[:KEY_ID_BYTES]
        if key_id not in self._keys:
            raise Unsealable("the key that sealed stored data is not among STAYLINE_MASTER_KEYS")
        nonce, body = sealed[KEY_ID_BYTES:][:NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # see _cipher

        try:
            return self._cipher(key_id).decrypt(nonce, body, context.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable("a sealed value does not open: it was changed, or belongs elsewhere") from error

    def _cipher(self, key_id: bytes) -> "AESGCM":
        """Make a key's cipher when it is first needed: that costs as much as sealing a line of text."""
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            # Loaded by the first who needs it: a process that only scores saves 9 MB.
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

            cipher = self._ciphers[key_id] = AESGCM(self._keys[key_id])
        return cipher

    def new_data_key(self, subscriber_id: str) -> bytes:
        """Make a subscriber's data key, sealed for storage."""
        return self.seal(os.urandom(KEY_BYTES), subscriber_id)

    @property
    def key_id(self) -> bytes:
        """The name of the key that seals: what it sealed begins with it."""
        return self._sealing

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether it was sealed by the key that seals now."""
        return sealed.startswith(self._sealing)

    def resealed(self, sealed: bytes, context: str) -> bytes:
        """Seal anew, by the key that seals now; raises Unsealable."""
        return self.seal(self.unseal(sealed, context), context)

    def of(self, data_key: bytes, subscriber_id: str) -> "Vault":
        """Open a stored data key as the vault of its subscriber."""
        return Vault([self.unseal(data_key, subscriber_id)])

    def fingerprint(self, data: bytes) -> bytes:
        """Digest `data`: equal inputs can be recognised, and nobody without the key can try guesses against it."""
        return _fingerprint(self._keys[self._sealing], data)

    def recognises(self, data: bytes, fingerprint: bytes) -> bool:
        """Tell whether `fingerprint` was made of `data`, with whichever key was current then."""
        return any(hmac.compare_digest(_fingerprint(key, data), fingerprint) for key in self._keys.values())

    def signing_keys(self, use: bytes) -> list[bytes]:
        """Keys to sign with for one use alone: the first signs, all of them recognise."""
        keys = [self._keys[self._sealing], *(key for name, key in self._keys.items() if name != self._sealing)]
        return [hmac.digest(key, b"stayline " + use, "sha256") for key in keys]

    def phone_digest(self, phone: str) -> bytes:
        """Digest a phone for exact search: without the key, not even trying every number there is tells whose it is."""
        return _phone_digest(self._keys[self._sealing], phone)

    def phone_digests(self, phone: str) -> list[bytes]:
        """Return what `phone_digest` may have made of this phone, with whichever key was current then."""
        return [_phone_digest(key, phone) for key in self._keys.values()]


def _fingerprint(key: bytes, data: bytes) -> bytes:
    return _digest(key, b"stayline fingerprint", data)


def _phone_digest(key: bytes, phone: str) -> bytes:
    return _digest(key, b"stayline phone", phone.encode())


def _digest(key: bytes, use: bytes, data: bytes) -> bytes:
    # A key derived for this one use, so that no two uses ever share one.
    return hmac.digest(hmac.digest(key, use, "sha256"), data, "sha256")
