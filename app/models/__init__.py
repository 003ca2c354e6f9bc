"""Every table, so that migrations see them all."""

from app.models.access import ApiKey, IdempotencyAnswer
from app.models.actions import Action
from app.models.activations import ModelActivation
from app.models.audit import AccessEntry, AccessLink, AuditEntry
from app.models.base import Base
from app.models.campaigns import Campaign, CampaignMember
from app.models.care_cases import CareCase
from app.models.claims import ContactClaim
from app.models.complaints import Complaint, ComplaintStep
from app.models.decisions import Contest, Decision, DecisionLink, Outcome
from app.models.groups import Group
from app.models.interactions import Interaction
from app.models.ledger import ArpuBase, LedgerEntry, Reservation
from app.models.policies import PolicyVersion
from app.models.references import ClientReference
from app.models.scoring_runs import RiskScore, ScoringRun
from app.models.subscribers import FeatureDefinition, FeatureSnapshot, ProfileVersion, Subscriber
from app.models.surveys import SatisfactionTarget, SurveyResponse
from app.models.tasks import Task
from app.models.touchpoints import Touchpoint
from app.models.traffic import ScoreTraffic
from app.models.warnings import GroupWarning

SCHEMA_REVISION = "0009"  # the oldest schema this code works with; revisions are ordered by their number

__all__ = [
    "SCHEMA_REVISION",
    "AccessEntry",
    "AccessLink",
    "Action",
    "ApiKey",
    "ArpuBase",
    "AuditEntry",
    "Base",
    "Campaign",
    "CampaignMember",
    "CareCase",
    "ClientReference",
    "Complaint",
    "ComplaintStep",
    "ContactClaim",
    "Contest",
    "Decision",
    "DecisionLink",
    "FeatureDefinition",
    "FeatureSnapshot",
    "Group",
    "GroupWarning",
    "IdempotencyAnswer",
    "Interaction",
    "LedgerEntry",
    "ModelActivation",
    "Outcome",
    "PolicyVersion",
    "ProfileVersion",
    "Reservation",
    "RiskScore",
    "SatisfactionTarget",
    "ScoreTraffic",
    "ScoringRun",
    "Subscriber",
    "SurveyResponse",
    "Task",
    "Touchpoint",
]
