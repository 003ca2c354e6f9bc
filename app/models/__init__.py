"""Every table, so that migrations see them all."""

from app.models.access import ApiKey, IdempotencyAnswer
from app.models.actions import Action
from app.models.activations import ModelActivation
from app.models.base import Base
from app.models.complaints import Complaint
from app.models.decisions import Decision, Outcome
from app.models.interactions import Interaction, InteractionReference
from app.models.subscribers import FeatureDefinition, FeatureSnapshot, Subscriber
from app.models.touchpoints import Touchpoint
from app.models.traffic import ScoreTraffic

SCHEMA_REVISION = "0003"  # the oldest schema this code works with; revisions are ordered by their number

__all__ = [
    "SCHEMA_REVISION",
    "Action",
    "ApiKey",
    "Base",
    "Complaint",
    "Decision",
    "FeatureDefinition",
    "FeatureSnapshot",
    "IdempotencyAnswer",
    "Interaction",
    "InteractionReference",
    "ModelActivation",
    "Outcome",
    "ScoreTraffic",
    "Subscriber",
    "Touchpoint",
]
