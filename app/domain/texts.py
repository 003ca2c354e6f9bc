"""Which texts may be stored, logged and shown without surprise."""

import unicodedata
from typing import Final

_ALLOWED_CONTROLS: Final = frozenset("\n\r\t")
_UNSAFE: Final = frozenset({"Cc", "Cs"})  # controls (NUL among them) and lone surrogates


def why_unsafe(text: str) -> str | None:
    """Say why a text is refused, or None if it is fine."""
    if text.isascii() and text.isprintable():
        return None
    if any(unicodedata.category(sign) in _UNSAFE for sign in set(text) - _ALLOWED_CONTROLS):
        return "must not hold control characters or bytes that are not UTF-8"
    return None
