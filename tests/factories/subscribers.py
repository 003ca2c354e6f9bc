"""Subscribers that exist: made over HTTP, as a CRM makes them."""

from itertools import count
from typing import Any

import httpx

from app.domain.features import Feature, FeatureType

_numbers = count(1)

# A likely churner, as far as the sample's model is concerned.
LEAVING: dict[str, Any] = {
    "tenure_months": 1,
    "contract": "Month-to-month",
    "internet_service": "Fiber optic",
    "payment_method": "Electronic check",
    "monthly_charges": 94.4,
    "total_charges": 94.4,
    "senior": False,
    "partner": False,
    "dependents": False,
    "phone_service": True,
    "multiple_lines": "Yes",
    "online_security": "No",
    "online_backup": "No",
    "device_protection": "No",
    "tech_support": "No",
    "streaming_tv": "Yes",
    "streaming_movies": "No",
    "paperless_billing": True,
}
STAYING: dict[str, Any] = LEAVING | {
    "tenure_months": 70,
    "contract": "Two year",
    "internet_service": "DSL",
    "payment_method": "Mailed check",
    "total_charges": 6600.0,
    "online_security": "Yes",
    "tech_support": "Yes",
}
DICTIONARY = [
    Feature(name, FeatureType.BOOLEAN if isinstance(value, bool) else FeatureType.CATEGORY)
    if isinstance(value, bool | str)
    else Feature(name, FeatureType.NUMBER, minimum=0, maximum=1_000_000)
    for name, value in LEAVING.items()
]


def new_id() -> str:
    return f"sub-{next(_numbers)}"


def subscriber(api: httpx.Client, *, features: dict[str, Any] | None = None, **profile: Any) -> str:
    """Create a subscriber, with a feature snapshot if features are given, and return the id."""
    subscriber_id = new_id()
    answer = api.put(f"/v1/subscribers/{subscriber_id}", json=profile)
    assert answer.status_code == 201, answer.text
    if features is not None:
        stored = api.put(f"/v1/subscribers/{subscriber_id}/snapshots/2026-10-31", json={"features": features})
        assert stored.status_code == 201, stored.text
    return subscriber_id
