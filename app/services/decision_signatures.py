"""Decisions are signed as they are written: with a keyed digest, which nobody can make who only writes to the table."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from app.models import Decision
from app.vault import Vault

_DOUBTFUL: Final = 10**15
_NEGATIVE_ZERO: Final = re.compile(r"-0\.0(?!\d)")
SIGNED: Final = (
    "id",
    "pseudonym",
    "caller_id",
    "channel",
    "direction",
    "decided_at",
    "newest_fact",
    "arm",
    "policy_version",
    "inputs",
    "answer",
)


def mac_of(vault: Vault, row: dict[str, Any]) -> bytes:
    """Sign a row that is about to be stored, `inputs` and `answer` as the JSON they will be: all but the signature."""
    inputs, answer = (from_json(row[name]) for name in ("inputs", "answer"))
    text = _text(row | {"inputs": inputs, "answer": answer})
    features = inputs["facts"].get("features", {})
    return vault.fingerprint(_as_read_back(text) if _may_look_different(text, features) else text.encode())


def is_signed(vault: Vault, decision: Decision) -> bool:
    """Tell whether a stored row is what was signed."""
    return decision.mac is not None and vault.recognises(_as_read_back(_text(vars(decision))), decision.mac)


def _text(row: Mapping[str, Any]) -> str:
    signed = {name: row[name] for name in SIGNED}
    signed["context"] = b64encode(row["context"]).decode() if row["context"] else None
    return json.dumps(signed, default=_plain, sort_keys=True)


def _as_read_back(text: str) -> bytes:
    """Write each number as it is once PostgreSQL has had it.

    It writes a number without an exponent and knows no negative zero; what looks like a large integer there may have
    been a float here.
    """
    return json.dumps(json.loads(text, parse_int=_integer, parse_float=_float), sort_keys=True).encode()


def _may_look_different(text: str, features: Mapping[str, Any]) -> bool:
    """Tell whether a number may: in few decisions, while writing all anew takes half as long as deciding.

    Only a feature may be as large as an integer that is doubtful.
    """
    has_large = any(isinstance(value, int) and abs(value) >= _DOUBTFUL for value in features.values())
    return has_large or "e+" in text or _NEGATIVE_ZERO.search(text) is not None


def _integer(digits: str) -> float | int:
    return int(digits) if abs(int(digits)) < _DOUBTFUL else float(digits)


def _float(digits: str) -> float:
    return float(digits) + 0.0


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
