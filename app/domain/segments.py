"""Marks: what a profile says of somebody's worth and of how they can be kept. Each is told, none is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from app.domain.lifecycle import KeyPoint, Stage, stage_of
from app.domain.months import months_after
from app.domain.subscribers import INVOLUNTARY, Locality, Payer, SubscriberStatus

CONTACT_FIELDS: Final = ("name", "phone", "email", "address")
PHONE: Final = "phone"
VISITS_COUNTED_DAYS: Final = 30
_VALUABLE_AFTER_MONTHS: Final = 12
_SOME: Final = 3
_MANY: Final = 6


class VisitBand(StrEnum):
    """How often somebody comes to have something done, in a month."""

    NONE = "<1"
    SOME = "1-3"
    MANY = "4-6"
    MOST = ">6"


@dataclass(frozen=True, slots=True)
class Profile:
    """As much of a profile as its marks are told from; of the contact, only which of its fields are known."""

    status: SubscriberStatus
    joined_on: date | None
    group_id: str | None
    payer: Payer | None
    locality: Locality | None
    lifecycle_stage: KeyPoint | None
    contact_fields: Collection[str]


@dataclass(frozen=True, slots=True)
class Marks:
    contact_completeness: float
    reachable: bool
    tenure_over_12_months: bool | None
    involuntary: bool
    group_member: bool
    group_pays: bool
    floating: bool
    lifecycle: Stage | None
    visits_a_month: VisitBand


def marks_of(profile: Profile, visits: int, on: date) -> Marks:
    """Tell the marks; `visits` are those of the last 30 days."""
    return Marks(
        contact_completeness=contact_completeness(profile.contact_fields),
        reachable=PHONE in profile.contact_fields,
        tenure_over_12_months=tenure_over_12_months(profile.joined_on, on),
        involuntary=profile.status in INVOLUNTARY,
        group_member=profile.group_id is not None,
        group_pays=profile.payer is Payer.GROUP,
        floating=profile.locality is Locality.FLOATING,
        lifecycle=stage_of(profile.lifecycle_stage) if profile.lifecycle_stage else None,
        visits_a_month=visit_band(visits),
    )


def contact_completeness(known: Collection[str]) -> float:
    """Return the share of the four ways to reach and name somebody that is known."""
    return sum(name in known for name in CONTACT_FIELDS) / len(CONTACT_FIELDS)


def tenure_over_12_months(joined_on: date | None, on: date) -> bool | None:
    """Tell whether somebody stayed longer than twelve months: on the day itself they have not yet."""
    return None if joined_on is None else on > months_after(joined_on, _VALUABLE_AFTER_MONTHS)


def visit_band(visits: int) -> VisitBand:
    if visits < 1:
        return VisitBand.NONE
    if visits <= _SOME:
        return VisitBand.SOME
    return VisitBand.MANY if visits <= _MANY else VisitBand.MOST
