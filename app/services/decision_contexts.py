"""Everything a decision depends on, put together of what is stored: the engine itself asks nobody anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import subscribers as people
from app.domain.campaigns import HOLDOUT
from app.domain.consents import PROFILING, strictest
from app.domain.decisions.context import (
    Churn,
    Contact,
    DecisionContext,
    HeldClaim,
    Learned,
    Ledger,
    Membership,
    PastOutcome,
    Situation,
)
from app.domain.decisions.holdout import draw
from app.domain.decisions.rights import Made, Right, pending
from app.domain.features import in_words, is_protected
from app.domain.formulas import AVERAGE_MONTH_DAYS
from app.domain.interactions import Channel, Sentiment
from app.domain.outcomes import OutcomeKind
from app.ml.bundle import Bundle
from app.ml.features import FeaturesRefused
from app.schemas.decisions import DecisionCreate
from app.services import effects, ledger, scores
from app.services.decision_facts import find_facts
from app.services.ledger import Held
from app.services.policies import NothingPublished, Rulebook, find_rulebook
from app.services.scores import Bundles, NoModel, Score
from app.services.subscribers import not_found
from app.settings import Settings
from app.vault import Vault

CHURN_KIND: Final = "port_out"
DRIVERS_SHOWN: Final = 5
REASONS_GIVEN: Final = 3
_NEEDS_A_PHONE: Final = frozenset({Channel.CALL, Channel.SMS})
_PROFILE_FACTS: Final = (
    "status",
    "region",
    "brand",
    "value_tier",
    "payment_type",
    "payer",
    "locality",
    "lifecycle_stage",
)
Json = Mapping[str, Any]
situations: Final = TypeAdapter(Situation)
SITUATION: Final = tuple(field.name for field in fields(Situation))


@dataclass(frozen=True, slots=True)
class Deciding:
    """What deciding needs besides the subscriber."""

    session: AsyncSession
    bundles: Bundles
    settings: Settings
    vault: Vault
    at: datetime
    caller_id: UUID

    @property
    def today(self) -> date:
        return self.settings.today(self.at)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A context and what the answer shows beside the engine's verdicts. A score is always of the snapshot."""

    context: DecisionContext
    policy_version: str
    score: Score | None
    as_of: date | None
    is_stale: bool
    known_at: datetime | None
    newest_fact: datetime
    known_facts: int
    recent: Json | None
    held: list[Held]
    pseudonyms: list[str]
    me: Json
    language: str
    currency: str


async def gather(deciding: Deciding, question: DecisionCreate, owner: str | None) -> Gathered:
    """Gather all that a decision depends on; raises SubscriberNotFound."""
    settings, at = deciding.settings, deciding.at
    facts = await find_facts(
        deciding.session,
        subscriber_id=question.subscriber_id,
        caller_id=deciding.caller_id,
        owner=owner,
        channel=question.channel.value,
        direction=question.direction.value,
        at=at,
        a_moment_ago=at - timedelta(minutes=settings.same_decision_minutes),
        today=deciding.today,
        month=ledger.month_of(deciding.today),
    )
    if facts is None:
        raise not_found()
    if facts["policy"] is None:
        raise NothingPublished("no policy is published: run `stayline migrate`")
    language = question.language or settings.language
    rulebook = await find_rulebook(deciding.session, facts["policy"], language)
    snapshot = facts["snapshot"]
    as_of = date.fromisoformat(snapshot["as_of"]) if snapshot else None
    # Who refuses profiling is neither scored nor weighed.
    known = snapshot["features"] if snapshot and strictest(facts["consents"]).get(PROFILING, True) else None
    score = score_of(_bundle(deciding.bundles), known, as_of) if known is not None and as_of else None
    held = [Held(r[0], date.fromisoformat(r[1]), r[2], Decimal(r[3]), Decimal(r[4])) for r in facts["held"] or ()]
    totals = ledger.read(facts["ledger"] or (), facts["base"], held, deciding.today)
    learned = effects.learned_of(deciding.bundles, known, as_of) if known is not None and as_of else {}
    situation = _situation(deciding, question, facts, score, rulebook, owner=owner, totals=totals, learned=learned)
    return Gathered(
        context=as_context(situation, rulebook),
        policy_version=rulebook.version,
        score=score,
        as_of=as_of,
        is_stale=scores.is_stale(as_of, at, settings),
        known_at=datetime.fromisoformat(snapshot["recorded_at"]) if snapshot else None,
        newest_fact=datetime.fromisoformat(facts["newest_fact"]),
        known_facts=facts["known_facts"],
        recent=facts["recent"],
        held=held,
        pseudonyms=facts["pseudonyms"],
        me=facts["me"],
        language=language,
        currency=settings.currency,
    )


def as_context(situation: Situation, rulebook: Rulebook) -> DecisionContext:
    known = {name: getattr(situation, name) for name in SITUATION}
    return DecisionContext(**known, catalogue=rulebook.catalogue, policy=rulebook.policy)


def _bundle(bundles: Bundles) -> Bundle:
    if CHURN_KIND not in bundles:
        raise NoModel(f"no model of {CHURN_KIND} is active: train one and activate it")
    return bundles[CHURN_KIND]


def score_of(bundle: Bundle, features: Json, as_of: date) -> Score | None:
    """Score what is stored; None where it does not suffice, which the engine gives as the reason for no action."""
    try:
        return scores.score_values(bundle, scores.known_to(bundle, features), as_of, DRIVERS_SHOWN)
    except FeaturesRefused:
        return None


def _situation(
    deciding: Deciding,
    question: DecisionCreate,
    facts: Json,
    score: Score | None,
    rules: Rulebook,
    *,
    owner: str | None,
    totals: Ledger,
    learned: Mapping[str, Learned],
) -> Situation:
    settings, me = deciding.settings, facts["me"]
    features = facts["snapshot"]["features"] if facts["snapshot"] else {}
    outcomes = tuple(
        PastOutcome(action, OutcomeKind(outcome), datetime.fromisoformat(at), Channel(channel))
        for action, outcome, at, channel in facts["outcomes"] or ()
    )
    tenure = _tenure_months(me["joined_on"], deciding.today)
    person = me["merged_into"] or me["subscriber_id"]
    stood = {
        "tenure_months": tenure,
        "long_standing": None if tenure is None else tenure > rules.policy.long_standing_months,
    }
    return Situation(
        at=deciding.at,
        channel=question.channel,
        direction=question.direction,
        limit=question.limit,
        status=people.SubscriberStatus(me["status"]),
        opted_out=frozenset(name for name, allowed in strictest(facts["consents"]).items() if not allowed),
        facts=_facts(features, score, facts, outcomes, stood) | {"context": question.context or {}},
        churn=churn_of(score) if score else None,
        monthly_margin=_monthly_margin(features, settings),
        open_complaints=facts["open_complaints"],
        open_faults=facts["open_faults"],
        contacts=_contacts(facts["contacts"]),
        pending=_pending(facts["rights"] or (), facts["made"] or ()),
        outcomes=outcomes,
        claims=tuple(
            HeldClaim(owner, why, datetime.fromisoformat(until)) for owner, why, until in facts["claims"] or ()
        ),
        owner=owner,
        keeper=me["owner"],
        upset_at=_upset_at(facts),
        reachable=_is_reachable(me, question.channel),
        timezone=me["timezone"] or settings.timezone_if_set,
        value_tier=me["value_tier"],
        locality=people.Locality(me["locality"]) if me["locality"] else None,
        tenure_months=tenure,
        bill_is_flat=bool(facts["bill_is_flat"]),
        group_at_risk_since=_time(facts["group_at_risk_since"]),
        spent=Decimal(facts["spent"]),
        draw=draw(person, rules.policy.holdout_name),
        ledger=totals,
        learned=learned,
        campaigns=tuple(
            Membership(id, None if arm == HOLDOUT else arm, frozenset(actions))
            for id, arm, actions in facts["campaigns"] or ()
        ),
    )


def _facts(
    features: Json, score: Score | None, facts: Json, outcomes: Sequence[PastOutcome], stood: Json
) -> dict[str, dict[str, Any]]:
    """What an eligibility rule may ask (docs/deciding.md lists it). What is unknown or protected is not there."""
    kinds = [past.outcome for past in outcomes]
    asked: dict[str, dict[str, Any]] = {
        "subscriber": {name: facts["me"][name] for name in _PROFILE_FACTS} | dict(stood),
        "features": dict(features),
        "score": {"probability": score.probability, "band": score.band.value} if score else {},
        "complaints": {"open": facts["open_complaints"], "open_faults": facts["open_faults"]},
        "outcomes": {
            kind.value: kinds.count(kind) for kind in (OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, OutcomeKind.LATER)
        },
    }
    return {
        group: {name: value for name, value in known.items() if value is not None and not is_protected(name)}
        for group, known in asked.items()
    }


def _contacts(told: Sequence[Sequence[str]] | None) -> tuple[Contact, ...]:
    return tuple(Contact(Channel(channel), datetime.fromisoformat(at)) for channel, at in told or ())


def _pending(rights: Sequence[Sequence[Any]], made: Sequence[Sequence[str]]) -> tuple[Contact, ...]:
    return pending(
        (Right(Channel(channel), datetime.fromisoformat(at), caller, own) for channel, at, caller, own in rights),
        (Made(Channel(channel), datetime.fromisoformat(at), caller) for channel, at, caller in made),
    )


def _time(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def _upset_at(facts: Json) -> datetime | None:
    """When the person was last unhappy: in the mood of their last contact that tells one, or in their last answer."""
    mood, answer = facts["mood"], facts["answer"]
    times = [mood[1]] if mood and mood[0] == Sentiment.NEGATIVE else []
    times += [answer["answered_at"]] if answer and answer["dissatisfied"] else []
    return max(map(datetime.fromisoformat, times), default=None)


def _is_reachable(me: Json, channel: Channel) -> bool:
    """Tell whether contact data allow it. Of whom none are stored the operator's own systems may hold them."""
    return not me["has_contact"] or channel not in _NEEDS_A_PHONE or me["has_phone"]


def _tenure_months(joined_on: str | None, today: date) -> float | None:
    days = (today - date.fromisoformat(joined_on)).days if joined_on else -1
    return None if days < 0 else days / AVERAGE_MONTH_DAYS


def _monthly_margin(features: Json, settings: Settings) -> Decimal | None:
    """Revenue less the cost to serve; where that cost is unknown, the margin rate stands for it (requirement A6)."""
    revenue, cost = (_first_number(features, names) for names in (settings.revenue_features, settings.cost_features))
    if revenue is None:
        return None
    return revenue - cost if cost is not None else revenue * settings.margin_rate


def _first_number(features: Json, names: Sequence[str]) -> Decimal | None:
    numbers = (value for name in names if _is_number(value := features.get(name)))
    found = next(numbers, None)
    return None if found is None else Decimal(str(found))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def churn_of(score: Score) -> Churn:
    return Churn(score.probability, score.bundle.manifest.horizon_days, _reasons(score))


def _reasons(score: Score) -> tuple[str, ...]:
    raising = [driver for driver in score.drivers if driver.contribution > 0][:REASONS_GIVEN]
    risk = f"churn risk {score.probability:.0%} within {score.bundle.manifest.horizon_days} days ({score.band})"
    return (risk, *(f"{driver.feature} = {in_words(driver.value)} raises it" for driver in raising))


def inputs_of(gathered: Gathered) -> bytes:
    """Everything the engine saw, in JSON and pseudonymous: enough to decide again.

    What the caller said is kept apart, sealed.
    """
    facts = {group: known for group, known in gathered.context.facts.items() if group != "context"}
    situation = {name: getattr(gathered.context, name) for name in SITUATION} | {
        "facts": facts,
        "known_facts": gathered.known_facts,
        "as_of": gathered.as_of,
        "is_stale": gathered.is_stale,
        "language": gathered.language,
        "currency": gathered.currency,
    }
    return to_json(situation)


def context_of(question: DecisionCreate) -> str | None:
    return json.dumps(question.context) if question.context else None
