"""What is signed reads the same when it comes back, whatever numbers are in it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import Decision
from app.services import decision_signatures
from app.vault import Vault

VAULT = Vault([bytes(range(32))])
NUMBERS = [
    0,
    -0.0,
    0.0,
    1,
    1.0,
    1e15,
    1e16,
    10**15,
    10**16,
    10**17 + 1,
    -(10**18),
    1e22,
    3.4e38,
    1e-7,
    5e-324,
    0.1,
    -1.5,
]
numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
)


def row(features: dict[str, Any]) -> dict[str, Any]:
    written = {"facts": {"features": features}, "limit": 3}
    return {
        "id": UUID(int=7),
        "pseudonym": UUID(int=8),
        "caller_id": UUID(int=9),
        "channel": "call",
        "direction": "inbound",
        "decided_at": datetime(2026, 11, 3, tzinfo=UTC),
        "newest_fact": datetime(2026, 11, 2, tzinfo=UTC),
        "arm": "none",
        "policy_version": "v",
        "context": None,
        "inputs": json.dumps(written).encode(),
        "answer": json.dumps({"drivers": [{"value": value} for value in features.values()], "name": "号"}).encode(),
    }


def read_back(store: psycopg.Connection, written: dict[str, Any]) -> Decision:
    """The row as it comes from a `jsonb` column."""
    [[inputs, answer]] = store.execute(
        "SELECT (%s::jsonb)::text, (%s::jsonb)::text", [written["inputs"].decode(), written["answer"].decode()]
    ).fetchall()
    return Decision(**written | {"inputs": json.loads(inputs), "answer": json.loads(answer)})


@given(st.dictionaries(st.sampled_from("abcdef"), numbers, max_size=6))
def test_whatever_numbers_are_signed_verify_when_they_come_back(
    store: psycopg.Connection, features: dict[str, Any]
) -> None:
    written = row(features)
    decision = read_back(store, written)
    decision.mac = decision_signatures.mac_of(VAULT, written)
    assert decision_signatures.is_signed(VAULT, decision)


@pytest.mark.parametrize(("one", "other"), [(1e16, 1e16 + 2), (0.1, 0.1 + 1e-16), (1, True), (1, "1"), (None, 0)])
def test_what_differs_does_not_verify(store: psycopg.Connection, one: Any, other: Any) -> None:
    decision = read_back(store, row({"a": other}))
    decision.mac = decision_signatures.mac_of(VAULT, row({"a": one}))
    assert not decision_signatures.is_signed(VAULT, decision)
