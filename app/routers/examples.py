"""Examples the OpenAPI description shows; each is a request that works against the demo."""

from typing import Any, Final

Body = dict[str, Any]


def body(example: Body) -> dict[str, Any]:
    """What `openapi_extra` takes to show a request's example."""
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


FEATURES: Final[Body] = {
    "tenure_months": 2,
    "contract": "Month-to-month",
    "internet_service": "Fiber optic",
    "payment_method": "Electronic check",
    "monthly_charges": 74.4,
    "total_charges": 148.8,
    "senior": False,
    "partner": False,
    "dependents": False,
    "phone_service": True,
    "multiple_lines": "No",
    "online_security": "No",
    "online_backup": "No",
    "device_protection": "No",
    "tech_support": "No",
    "streaming_tv": "No",
    "streaming_movies": "No",
    "paperless_billing": True,
}
SCORE: Final[Body] = {"features": FEATURES, "drivers": 5}
SCORES: Final[Body] = {"items": [SCORE, {"subscriber_id": "5281"}]}
SCORING_RUN: Final[Body] = {"churn_kind": "port_out", "channel": "call"}
_DATATYPES: Final = {bool: "BOOL", str: "BYTES"}
INFERENCE: Final[Body] = {
    "id": "call 4711",
    "inputs": [
        {"name": name, "shape": [1], "datatype": _DATATYPES.get(type(value), "FP64"), "data": [value]}
        for name, value in FEATURES.items()
    ],
}
SUBSCRIBER: Final[Body] = {
    "region": "east",
    "brand": "gold",
    "value_tier": "high",
    "payment_type": "postpaid",
    "payer": "self",
    "locality": "local",
    "sla_level": "gold",
    "owner": "agent-7",
    "owner_role": "farmer",
    "lifecycle_stage": "loyalty",
    "joined_on": "2023-04-01",
    "status": "active",
    "contact": {"name": "Lin Wei", "phone": "+8613800000000"},
    "consents": {"marketing": True, "sms": False},
}
SUBSCRIBER_CHANGE: Final[Body] = {"value_tier": "medium"}
SUBSCRIBER_SEARCH: Final[Body] = {"phone": "+8613800000000"}
MERGE: Final[Body] = {"duplicate_id": "5281-old"}
GROUP: Final[Body] = {
    "name": "Riverside Works",
    "plan": "vpmn-flat",
    "flat_fee": True,
    "rental_free": True,
    "corporate_account": True,
    "payer": "group",
    "owner": "agent-7",
}
SNAPSHOT: Final[Body] = {"features": FEATURES}
INTERACTION: Final[Body] = {
    "subscriber_id": "5281",
    "touchpoint": "hotline",
    "channel": "call",
    "direction": "inbound",
    "occurred_at": "2026-10-31T09:30:00+08:00",
    "reason": "The bill is higher than last month",
    "request": "Explain the roaming charge",
}
COMPLAINT: Final[Body] = {
    "subscriber_id": "5281",
    "touchpoint": "hotline",
    "channel": "call",
    "occurred_at": "2026-10-31T09:30:00+08:00",
    "type": "network",
    "description": "Calls drop in the evening",
    "network_fault_type": "dropped_calls",
}
COMPLAINT_CHANGE: Final[Body] = {
    "status": "resolved",
    "root_cause": "Cell overloaded in the evening",
    "action_taken": "Second carrier switched on",
}
DECISION: Final[Body] = {"subscriber_id": "5281", "channel": "call", "direction": "inbound", "limit": 3}
WARNING: Final[Body] = {"group_id": "vpmn-17", "owner": "agent-7"}
WARNING_CHANGE: Final[Body] = {"done": ["visit_decision_maker"], "owner": "agent-7"}
CLAIM: Final[Body] = {"subscriber_id": "5281", "purpose": "retention", "owner": "agent-7", "ttl_seconds": 900}
CONSOLE_TOKEN: Final[Body] = {"subscriber_id": "5281", "agent_id": "agent-7"}
CONTEST: Final[Body] = {"reason": "I was never asked what I need", "owner": "agent-7"}
ACTION: Final[Body] = {
    "name": "Callback by a person",
    "kind": "call",
    "channels": ["call", "app", "web"],
    "eligibility": "score.probability >= 0.2 || complaints.open > 0.0",
    "contact_cost": "4.00",
    "accept_cost": "1.00",
    "monthly_arpu_effect": "0.00",
    "horizon_days": 60,
    "effect_prior": {"mean": 0.05, "sd": 0.03},
    "p_accept": 0.6,
    "caps": [{"window_days": 14, "max": 1}],
    "capacity_per_day": 200,
    "say": {
        "en": "Shall one of us call you back at a time that suits you?",
        "zh-CN": "需要我们在您方便的时间给您回电吗？",
    },
    "priced": False,
}
POLICY: Final[Body] = {
    "quiet_hours": {"begin": "21:00", "end": "08:00"},
    "channel_caps": {"call": [{"window_days": 7, "max": 2}], "sms": [{"window_days": 7, "max": 3}]},
    "cool_down_days": [30, 90, None],
    "mood_days": 10,
    "big_spender_tiers": ["platinum", "diamond"],
    "floating_keeps": 0.5,
    "spend_cap_share": "0.30",
    "arpu_floor_share": "0.95",
}
CAMPAIGN: Final[Body] = {
    "name": "Plan review, spring",
    "owner": "retention",
    "goal": "Fewer of the gold subscribers leave after a talk about their plan",
    "least_effect": 0.01,
    "segment": {"value_tier": ["gold"], "features": [{"feature": "tenure_months", "minimum": 12}]},
    "actions": ["plan_review_call"],
    "holdout_share": 0.2,
    "starts_on": "2026-11-01",
    "ends_on": "2026-11-30",
    "horizon_days": 90,
}
CAMPAIGN_CHANGE: Final[Body] = {"owner": "retention-north"}
OUTCOME: Final[Body] = {"action": "plan_review_call", "outcome": "accepted", "occurred_at": "2026-10-31T09:35:00+08:00"}
TASK_CHANGE: Final[Body] = {"owner": "agent-9", "note": "Prefers to be called in the evening"}
INTERACTIONS: Final[Body] = {"items": [INTERACTION, INTERACTION | {"subscriber_id": "490", "channel": "app"}]}
SURVEY_RESPONSE: Final[Body] = {
    "family": "internal",
    "survey": "after-service",
    "subscriber_id": "5281",
    "touchpoint": "callback",
    "channel": "call",
    "answered_at": "2026-10-31T09:30:00+08:00",
    "scale_max": 10,
    "answers": [
        {"item": "solved", "dimension": "reliability", "score": 8, "weight": 0.6},
        {"item": "kindness", "dimension": "empathy", "ideal": 9, "adequate": 7, "perceived": 8, "weight": 0.4},
    ],
    "comment": "It took two calls",
    "agent_id": "agent-7",
    "role": "customer_service",
}
TARGET: Final[Body] = {"target": 0.85}
CARE_CASE_CHANGE: Final[Body] = {
    "stage": "analysed",
    "cause": "network",
    "analysis": "Calls drop on the way to work since the new cell was built",
}
TOUCHPOINT: Final[Body] = {
    "name": "Desk for broadband bills",
    "category": "personnel",
    "stage": "satisfaction",
    "kind": "person_person",
    "sense": "communication",
    "customer_types": ["consumer"],
    "services": ["broadband", "billing"],
    "channels": ["call"],
    "need": "bill_dispute",
    "promise_hours": 24,
    "standard": "A disputed charge is settled or explained",
}
