"""Catalogued actions as they are written over HTTP."""

from typing import Any

import httpx


def written(**others: Any) -> dict[str, Any]:
    """An outbound offer by SMS that is worth its cost for a likely churner; no other action uses SMS so well."""
    return {
        "name": "A test offer",
        "kind": "offer",
        "channels": ["call", "app", "sms", "web", "shop"],
        "eligibility": "true",
        "contact_cost": "0.10",
        "accept_cost": "1.00",
        "monthly_arpu_effect": "0.00",
        "horizon_days": 90,
        "effect_prior": {"mean": 0.9, "sd": 0.02},
        "p_accept": 0.5,
        "caps": [],
        "say": {"en": "A test sentence"},
    } | others


def put(api: httpx.Client, code: str, **others: Any) -> dict[str, Any]:
    answer = api.put(f"/v1/actions/{code}", json=written(**others))
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def retire(api: httpx.Client, code: str) -> None:
    """Take an action out of every other test's decisions."""
    put(api, code, valid_to="2020-01-01T00:00:00Z")
