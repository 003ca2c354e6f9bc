"""Everything a decision depends on, read from upstream: the engine itself asks nobody anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import complaints, subscribers
from app.domain.consents import strictest
from app.domain.decisions.context import Acceptance, Action, Churn, Contact, DecisionContext
from app.domain.features import is_protected
from app.domain.formulas import AVERAGE_MONTH_DAYS
from app.domain.interactions import Channel, Direction
from app.domain.outcomes import OutcomeKind
from app.ml.bundle import Bundle
from app.ml.features import FeaturesRefused
from app.models import Complaint, FeatureSnapshot, Interaction, Outcome, Subscriber
from app.schemas.decisions import DecisionCreate, LastContactRead
from app.services import actions, scores
from app.services.scores import Bundles, NoModel, Score
from app.services.subscribers import find_latest_snapshot, list_identity
from app.settings import Settings
from app.vault import Vault

CHURN_KIND: Final = "port_out"
DRIVERS_SHOWN: Final = 5
REASONS_GIVEN: Final = 3
_json = TypeAdapter(dict[str, Any])
_APART: Final = frozenset({"catalogue", "facts", "opted_out"})


@dataclass(frozen=True, slots=True)
class Deciding:
    """What deciding needs besides the subscriber."""

    session: AsyncSession
    bundles: Bundles
    settings: Settings
    vault: Vault
    at: datetime


@dataclass(frozen=True, slots=True)
class Gathered:
    """A context and what the answer shows beside the engine's verdicts. A score is always of the snapshot."""

    context: DecisionContext
    snapshot: FeatureSnapshot | None
    score: Score | None
    stale: bool
    policy_version: str
    last_contact: LastContactRead | None


async def gather(deciding: Deciding, subscriber: Subscriber, question: DecisionCreate) -> Gathered:
    session, settings, at = deciding.session, deciding.settings, deciding.at
    snapshot = await find_latest_snapshot(session, subscriber.subscriber_id)
    score = _score(_bundle(deciding.bundles), snapshot)
    rows = await actions.list_actions(session)
    catalogue = tuple(actions.as_domain(row, settings.language) for row in rows)
    identity = await list_identity(session, subscriber.subscriber_id)
    complaint_counts = await _count_complaints(session, identity)
    outcomes = await _list_outcomes(session, identity)
    context = DecisionContext(
        at=at,
        channel=question.channel,
        direction=question.direction,
        limit=question.limit,
        status=subscribers.SubscriberStatus(subscriber.status),
        opted_out=await _opted_out(session, identity),
        facts=_facts(subscriber, snapshot, score, complaint_counts, question, settings.today(at)),
        churn=_churn(score) if score else None,
        monthly_margin=_monthly_margin(snapshot.features if snapshot else {}, settings),
        open_complaints=complaint_counts["open"],
        contacts=await _list_contacts(session, identity, at - _longest_window(catalogue)),
        acceptances=tuple(Acceptance(o.action, o.occurred_at) for o in outcomes if o.outcome == OutcomeKind.ACCEPTED),
        catalogue=catalogue,
    )
    version = actions.version_of(rows, settings.margin_rate, settings.revenue_features, settings.language)
    stale = scores.is_stale(snapshot.as_of if snapshot else None, at, settings)
    return Gathered(context, snapshot, score, stale, version, _last_contact(outcomes))


def _bundle(bundles: Bundles) -> Bundle:
    if CHURN_KIND not in bundles:
        raise NoModel(f"no model of {CHURN_KIND} is active: train one and activate it")
    return bundles[CHURN_KIND]


def _score(bundle: Bundle, snapshot: FeatureSnapshot | None) -> Score | None:
    """Score what is stored; None where it does not suffice, which the engine gives as the reason for no action."""
    if snapshot is None:
        return None
    try:
        return scores.score_values(bundle, scores.known_to(bundle, snapshot.features), snapshot.as_of, DRIVERS_SHOWN)
    except FeaturesRefused:
        return None


def _facts(
    subscriber: Subscriber,
    snapshot: FeatureSnapshot | None,
    score: Score | None,
    complaint_counts: Mapping[str, int],
    question: DecisionCreate,
    today: date,
) -> dict[str, dict[str, Any]]:
    """What an eligibility rule may ask (docs/operations.md lists it). What is unknown or protected is not there."""
    profile = {name: getattr(subscriber, name) for name in ("status", "region", "brand", "value_tier", "payment_type")}
    facts: dict[str, dict[str, Any]] = {
        "subscriber": {**profile, "tenure_months": _tenure_months(subscriber.joined_on, today)},
        "features": snapshot.features if snapshot else {},
        "score": {"probability": score.probability, "band": score.band.value} if score else {},
        "complaints": dict(complaint_counts),
        "context": question.context or {},
    }
    return {
        group: {name: value for name, value in known.items() if value is not None and not is_protected(name)}
        for group, known in facts.items()
    }


def _tenure_months(joined_on: date | None, today: date) -> float | None:
    if joined_on is None or joined_on > today:
        return None
    return (today - joined_on).days / AVERAGE_MONTH_DAYS


def _monthly_margin(features: Mapping[str, Any], settings: Settings) -> Decimal | None:
    """Take the first revenue feature that is known, times the margin rate."""
    numbers = (value for name in settings.revenue_features if _is_number(value := features.get(name)))
    revenue = next(numbers, None)
    return None if revenue is None else Decimal(str(revenue)) * settings.margin_rate


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _churn(score: Score) -> Churn:
    return Churn(score.probability, score.bundle.manifest.horizon_days, _reasons(score))


def _reasons(score: Score) -> tuple[str, ...]:
    raising = [driver for driver in score.drivers if driver.contribution > 0][:REASONS_GIVEN]
    risk = f"churn risk {score.probability:.0%} within {score.bundle.manifest.horizon_days} days ({score.band})"
    return (risk, *(f"{driver.feature} = {_shown(driver.value)} raises it" for driver in raising))


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _longest_window(catalogue: Sequence[Action]) -> timedelta:
    return max((cap.window for action in catalogue for cap in action.caps), default=timedelta(0))


async def _opted_out(session: AsyncSession, identity: Sequence[str]) -> frozenset[str]:
    """What was withdrawn under any id of the person."""
    consents = await session.scalars(select(Subscriber.consents).where(Subscriber.subscriber_id.in_(identity)))
    return frozenset(name for name, allowed in strictest(consents).items() if not allowed)


async def _count_complaints(session: AsyncSession, identity: Sequence[str]) -> dict[str, int]:
    query = select(func.count(), func.count(Complaint.network_fault_type)).where(
        Complaint.subscriber_id.in_(identity), Complaint.status.in_(complaints.UNFINISHED)
    )
    unfinished, with_fault = (await session.execute(query)).one()
    return {"open": unfinished, "open_faults": with_fault}


async def _list_contacts(session: AsyncSession, identity: Sequence[str], since: datetime) -> tuple[Contact, ...]:
    query = select(Interaction.channel, Interaction.occurred_at).where(
        Interaction.subscriber_id.in_(identity),
        Interaction.occurred_at > since,
        Interaction.direction == Direction.OUTBOUND.value,
    )
    rows = await session.execute(query.order_by(Interaction.occurred_at, Interaction.id))
    return tuple(Contact(Channel(channel), at) for channel, at in rows)


async def _list_outcomes(session: AsyncSession, identity: Sequence[str]) -> Sequence[Outcome]:
    query = select(Outcome).join(Subscriber, Subscriber.pseudonym == Outcome.pseudonym)
    query = query.where(Subscriber.subscriber_id.in_(identity))
    return (await session.scalars(query.order_by(Outcome.occurred_at, Outcome.id))).all()


def _last_contact(outcomes: Sequence[Outcome]) -> LastContactRead | None:
    if not outcomes:
        return None
    last = outcomes[-1]
    return LastContactRead(action=last.action, at=last.occurred_at, outcome=last.outcome)


def inputs_of(gathered: Gathered, owner: str | None) -> dict[str, Any]:
    """Everything the engine saw, pseudonymous; the catalogue is named by the policy version, the context kept apart."""
    context = gathered.context
    recorded = {name: getattr(context, name) for name in DecisionContext.__dataclass_fields__ if name not in _APART}
    recorded["facts"] = {group: known for group, known in context.facts.items() if group != "context"}
    recorded |= {"opted_out": sorted(context.opted_out), "owner": owner}
    inputs: dict[str, Any] = _json.dump_python(recorded, mode="json")
    return inputs


def context_of(question: DecisionCreate) -> str | None:
    return json.dumps(question.context) if question.context else None
