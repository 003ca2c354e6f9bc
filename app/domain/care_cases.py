"""The loop for a dissatisfied subscriber: located, analysed, cared for, evaluated; each gate asks for its evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


class CareStage(StrEnum):
    LOCATED = "located"
    ANALYSED = "analysed"
    CARED = "cared"
    EVALUATED = "evaluated"


class CareCause(StrEnum):
    NETWORK = "network"
    BILLING = "billing"
    SERVICE = "service"
    DEVICE = "device"
    PRICE = "price"
    OTHER = "other"


class Activity(StrEnum):
    """How often somebody was in contact in the last quarter: those who are silent leave unheard."""

    SILENT = "silent"
    OCCASIONAL = "occasional"
    FREQUENT = "frequent"


class Times(StrEnum):
    """How many pieces of evidence a case has: what brought somebody in, and what came on top."""

    ONCE = "1"
    TWICE = "2"
    THRICE = "3"
    OFTEN = "4+"


QUARTER: Final = timedelta(days=90)
_FREQUENT_CONTACTS: Final = 3
_LIKELY: Final[Mapping[str, CareCause]] = MappingProxyType(
    {
        "network": CareCause.NETWORK,
        "billing": CareCause.BILLING,
        "service": CareCause.SERVICE,
        "device": CareCause.DEVICE,
        "contract": CareCause.PRICE,
        "fault": CareCause.NETWORK,
        "plan_enquiry": CareCause.PRICE,
        "leave": CareCause.PRICE,
        "device_enquiry": CareCause.DEVICE,
        "complaint": CareCause.SERVICE,
    }
)


def activity_of(contacts: int) -> Activity:
    """Name the activity of so many contacts in a quarter."""
    if contacts == 0:
        return Activity.SILENT
    return Activity.FREQUENT if contacts >= _FREQUENT_CONTACTS else Activity.OCCASIONAL


def likely_cause(complaint_type: str | None, need: str | None) -> CareCause:
    """Guess the cause until somebody has found it: by the latest complaint, else by the latest contact's need."""
    return _LIKELY.get(complaint_type or need or "", CareCause.OTHER)


# Nothing is skipped. Whoever says that the care did not help sends the case back to be understood better.
STEPS: Final[Mapping[CareStage, frozenset[CareStage]]] = MappingProxyType(
    {
        CareStage.LOCATED: frozenset({CareStage.ANALYSED}),
        CareStage.ANALYSED: frozenset({CareStage.CARED}),
        CareStage.CARED: frozenset({CareStage.EVALUATED, CareStage.ANALYSED}),
        CareStage.EVALUATED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class CareEvidence:
    """What a case must hold before it may pass a gate."""

    cause: CareCause | None
    analysis: str | None
    care_given: str | None
    satisfied: bool | None


def missing_evidence(stage: CareStage, evidence: CareEvidence) -> list[str]:
    """Name the fields a case still needs before it may stand at this stage.

    It ends only when the subscriber says that they are satisfied.
    """
    order = list(CareStage)
    reached = order.index(stage)
    needed = {
        "cause": reached >= order.index(CareStage.ANALYSED) and evidence.cause is None,
        "analysis": reached >= order.index(CareStage.ANALYSED) and not evidence.analysis,
        "care_given": reached >= order.index(CareStage.CARED) and not evidence.care_given,
        "satisfied": stage is CareStage.EVALUATED and evidence.satisfied is not True,
    }
    return [name for name, missing in needed.items() if missing]


def with_evidence(known: Iterable[Mapping[str, Any]], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Add one piece of evidence: the same pieces give the same list, in whatever order and however often they come."""
    pieces = {(piece["source"], piece["id"]): dict(piece) for piece in (*known, new)}
    return sorted(pieces.values(), key=lambda piece: (piece["at"], piece["source"], piece["id"]))
