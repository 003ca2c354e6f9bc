"""Every table, so that migrations see them all."""

from app.models.access import ApiKey, IdempotencyAnswer
from app.models.actions import Action
from app.models.activations import ModelActivation
from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.care_cases import CareCase
from app.models.complaints import Complaint, ComplaintStep
from app.models.decisions import Decision, Outcome
from app.models.groups import Group
from app.models.interactions import Interaction
from app.models.references import ClientReference
from app.models.subscribers import FeatureDefinition, FeatureSnapshot, ProfileVersion, Subscriber
from app.models.surveys import SatisfactionTarget, SurveyResponse
from app.models.tasks import Task
from app.models.touchpoints import Touchpoint
from app.models.traffic import ScoreTraffic

SCHEMA_REVISION = "0004"  # the oldest schema this code works with; revisions are ordered by their number

__all__ = [
    "SCHEMA_REVISION",
    "Action",
    "ApiKey",
    "AuditEntry",
    "Base",
    "CareCase",
    "ClientReference",
    "Complaint",
    "ComplaintStep",
    "Decision",
    "FeatureDefinition",
    "FeatureSnapshot",
    "Group",
    "IdempotencyAnswer",
    "Interaction",
    "ModelActivation",
    "Outcome",
    "ProfileVersion",
    "SatisfactionTarget",
    "ScoreTraffic",
    "Subscriber",
    "SurveyResponse",
    "Task",
    "Touchpoint",
]
