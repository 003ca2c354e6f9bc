"""Campaigns: defined, started for a segment that is enrolled at once, and ended with their result."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.domain.campaigns import HOLDOUT, NEVER_WITHHELD, STEPS, CampaignState, Likeness, likeness, shares
from app.errors import Conflict, Invalid, NotFound
from app.models import Action, Campaign, CampaignMember, FeatureDefinition, Subscriber
from app.models.base import new_id
from app.schemas.campaigns import CampaignCreate, Segment

MOST_SIMILAR: Final = 5
_IN_MOTION: Final = frozenset({"owner", "state"})
_ATTRIBUTES: Final = ("region", "brand", "value_tier", "payment_type")
# What `holdout.draw` makes in Python, made by the store for many: both always agree.
_DRAW: Final = """
    (('x' || encode(substring(sha256(convert_to(:name, 'UTF8') || '\\x00'::bytea
     || convert_to(s.subscriber_id, 'UTF8')) FOR 7), 'hex'))::bit(56)::bigint / 72057594037927936.0)
"""
_ENROL: Final = """
    WITH fitting AS (
        SELECT s.pseudonym, {draw} AS draw, EXISTS (
            SELECT FROM campaign_members m JOIN campaigns c ON c.id = m.campaign_id
            WHERE m.pseudonym = s.pseudonym AND c.state = 'running' AND c.id <> CAST(:id AS uuid)
            AND c.starts_on <= :ends_on AND c.ends_on >= :starts_on
        ) AS taken
        FROM subscribers s LEFT JOIN LATERAL (
            SELECT features FROM feature_snapshots WHERE subscriber_id = s.subscriber_id ORDER BY as_of DESC LIMIT 1
        ) f ON true
        WHERE s.status = 'active' AND s.merged_into IS NULL {conditions}
    ), enrolled AS (
        INSERT INTO campaign_members (campaign_id, pseudonym, arm, propensity, enrolled_at)
        SELECT CAST(:id AS uuid), pseudonym, a.arm, a.propensity, CAST(:at AS timestamptz)
        FROM fitting, unnest(CAST(:arms AS text[]), CAST(:propensities AS float[]), CAST(:begins AS float[]),
                             CAST(:ends AS float[])) AS a (arm, propensity, begins, ends)
        WHERE NOT taken AND draw >= a.begins AND draw < a.ends RETURNING 1
    )
    SELECT (SELECT count(*) FROM enrolled), (SELECT count(*) FROM fitting WHERE taken)
"""


class CampaignNotFound(NotFound):
    """There is no such campaign."""


class CampaignStepNotAllowed(Conflict):
    """A campaign cannot take this step from where it stands."""


class CampaignRefused(Invalid):
    """The campaign cannot be run like this."""


async def create_campaign(session: AsyncSession, caller: Caller, said: CampaignCreate, at: datetime) -> Campaign:
    await _require_actions(session, said.actions)
    await _require_features(session, said.segment)
    campaign = Campaign(
        id=new_id(),
        **{name: getattr(said, name) for name in CampaignCreate.model_fields if name != "segment"},
        segment=_stored(said.segment),
        state=CampaignState.DRAFT.value,
        enrolled=0,
        overlapping=0,
        version=1,
        created_at=at,
        updated_at=at,
        caller_id=caller.id,
    )
    session.add(campaign)
    await session.flush()
    return campaign


async def get_campaign(session: AsyncSession, campaign_id: UUID, *, for_update: bool = False) -> Campaign:
    found = await session.get(Campaign, campaign_id, with_for_update=for_update or None)
    if found is None:
        raise CampaignNotFound("there is no campaign with this id")
    return found


async def list_campaigns(
    session: AsyncSession, *, asked: Mapping[str, str | None], before: UUID | None, limit: int
) -> Sequence[Campaign]:
    """List campaigns, latest first: of a state, with an action, with a verdict, with these words in name or goal."""
    query = select(Campaign).order_by(Campaign.id.desc()).limit(limit)
    if state := asked["state"]:
        query = query.where(Campaign.state == state)
    if action := asked["action"]:
        query = query.where(Campaign.actions.contains([action]))
    if verdict := asked["verdict"]:
        query = query.where(Campaign.result["verdict"].astext == verdict)
    for word in (asked["q"] or "").split():
        said = (Campaign.name, Campaign.goal)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in said)))
    if before is not None:
        query = query.where(Campaign.id < before)
    return (await session.scalars(query)).all()


async def find_similar(session: AsyncSession, campaign: Campaign) -> list[tuple[Campaign, float]]:
    """Return the campaigns that ended and are most like this one, the most alike first."""
    query = select(Campaign).where(Campaign.state == CampaignState.ENDED.value, Campaign.id != campaign.id)
    mine = _traits(campaign)
    found = [(other, likeness(mine, _traits(other))) for other in await session.scalars(query)]
    return sorted(found, key=lambda pair: (-pair[1], str(pair[0].id)))[:MOST_SIMILAR]


async def results(session: AsyncSession) -> list[dict[str, Any]]:
    """Return what each arm of each campaign that ended brought, as it was kept then; latest first."""
    query = select(Campaign).where(Campaign.result.is_not(None)).order_by(Campaign.id.desc())
    found = [(campaign, campaign.result or {}) for campaign in await session.scalars(query)]
    return [_row(campaign, result, arm) for campaign, result in found for arm in result["arms"]]


def _row(campaign: Campaign, result: Mapping[str, Any], arm: Mapping[str, Any]) -> dict[str, Any]:
    prevented = arm["prevented"] or {}
    return {
        "campaign_id": campaign.id,
        **{name: getattr(campaign, name) for name in ("name", "owner", "starts_on", "ends_on")},
        **{name: arm[name] for name in ("arm", "members", "left", "rate")},
        "verdict": result["verdict"],
        "prevented": prevented.get("value"),
        "prevented_low": prevented.get("low"),
        "prevented_high": prevented.get("high"),
        "roi": result["roi"]["roi"],
    }


async def list_members(
    session: AsyncSession, campaign: Campaign, arm: str | None, *, after: str | None, limit: int
) -> Sequence[tuple[str, str, datetime]]:
    """List who is in it, by subscriber: whom to contact with what, and whom not."""
    query = (
        select(Subscriber.subscriber_id, CampaignMember.arm, CampaignMember.enrolled_at)
        .join(Subscriber, Subscriber.pseudonym == CampaignMember.pseudonym)
        .where(CampaignMember.campaign_id == campaign.id)
        .order_by(Subscriber.subscriber_id)
        .limit(limit)
    )
    if arm is not None:
        query = query.where(CampaignMember.arm == arm)
    if after is not None:
        query = query.where(Subscriber.subscriber_id > after)
    return [(id, given, at) for id, given, at in await session.execute(query)]


async def update_campaign(
    session: AsyncSession, campaign: Campaign, changes: dict[str, Any], at: datetime, today: date
) -> CampaignState | None:
    """Change the given fields; returns the state it was moved to, if it was.

    Raises CampaignStepNotAllowed, or CampaignRefused naming the field.
    """
    current = CampaignState(campaign.state)
    wanted = CampaignState(changes.pop("state")) if changes.get("state") else None
    if changes and current is not CampaignState.DRAFT and not changes.keys() <= _IN_MOTION:
        raise CampaignStepNotAllowed(f"a campaign that is {current} keeps what it was defined as, but for its owner")
    if wanted and wanted is not current and wanted not in STEPS[current]:
        allowed = ", ".join(sorted(STEPS[current])) or "nothing else"
        raise CampaignStepNotAllowed(f"a campaign that is {current} can become {allowed}")
    _change(campaign, changes)
    if "actions" in changes:
        await _require_actions(session, campaign.actions)
    if "segment" in changes:
        await _require_features(session, Segment.model_validate(campaign.segment))
    moved = wanted if wanted and wanted is not current else None
    if moved is CampaignState.RUNNING:
        await _start(session, campaign, at, today)
    if moved:
        campaign.state = moved.value
        campaign.ended_at = at if moved is CampaignState.ENDED else None
    campaign.version += 1
    campaign.updated_at = at
    await session.flush()
    return moved


def _change(campaign: Campaign, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if value is None and name != "least_effect":
            raise CampaignRefused.at(f"/{name}", "must not be null")
        setattr(campaign, name, _stored(Segment.model_validate(value)) if name == "segment" else value)
    if campaign.starts_on > campaign.ends_on:
        raise CampaignRefused.at("/ends_on", "must not lie before starts_on")


async def _start(session: AsyncSession, campaign: Campaign, at: datetime, today: date) -> None:
    """Enrol everybody who fits, in their arms. Campaigns start one after another: nobody is in two at a time."""
    if campaign.ends_on < today:
        raise CampaignRefused.at("/ends_on", "lies in the past")
    await _require_actions(session, campaign.actions)
    await lock(session, "campaigns")
    arms = shares(campaign.actions, campaign.holdout_share)
    conditions, known = _conditions(Segment.model_validate(campaign.segment))
    begins = [share.begins for share in arms]
    given = {
        "id": campaign.id,
        "name": str(campaign.id),
        "at": at,
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        "arms": [share.arm for share in arms],
        "propensities": [share.propensity for share in arms],
        "begins": begins,
        "ends": [*begins[1:], 1.0],
    }
    enrol = text(_ENROL.format(draw=_DRAW, conditions=conditions))
    enrolled, overlapping = (await session.execute(enrol, given | known)).one()
    if not enrolled:
        taken = f"nobody who is free: {overlapping} are in another running campaign" if overlapping else "nobody"
        raise CampaignRefused.at("/segment", f"fits {taken}")
    campaign.enrolled, campaign.overlapping, campaign.started_at = enrolled, overlapping, at


def _conditions(segment: Segment) -> tuple[str, dict[str, Any]]:
    """Say in SQL who is in a segment. Names of features come in as parameters, like all that was said."""
    parts: list[str] = []
    known: dict[str, Any] = {}
    for name in _ATTRIBUTES:
        if values := getattr(segment, name):
            parts.append(f"AND s.{name} = ANY(CAST(:{name} AS text[]))")
            known[name] = values
    for number, wanted in enumerate(segment.features):
        known[f"feature_{number}"] = wanted.feature
        value = f"(f.features -> CAST(:feature_{number} AS text))"
        for sign, end in ((">=", wanted.minimum), ("<=", wanted.maximum)):
            if end is not None:
                place = f"end_{number}_{'low' if sign == '>=' else 'high'}"
                known[place] = end
                number_of = f"CASE jsonb_typeof({value}) WHEN 'number' THEN {value}::float END"
                parts.append(f"AND {number_of} {sign} CAST(:{place} AS float)")
        if wanted.levels:
            known[f"levels_{number}"] = wanted.levels
            parts.append(f"AND {value} #>> '{{}}' = ANY(CAST(:levels_{number} AS text[]))")
    return " ".join(parts), known


async def _require_actions(session: AsyncSession, codes: Sequence[str]) -> None:
    known = await session.execute(select(Action.code, Action.kind).where(Action.code.in_(codes)))
    kinds = dict(known.all())
    for number, code in enumerate(codes):
        if code not in kinds:
            raise CampaignRefused.at(f"/actions/{number}", "is no action of the catalogue")
        if kinds[code] in NEVER_WITHHELD:
            raise CampaignRefused.at(f"/actions/{number}", f"is of the kind {kinds[code]}, which is never withheld")
        if code == HOLDOUT:
            raise CampaignRefused.at(f"/actions/{number}", "has the name of the holdout")


async def _require_features(session: AsyncSession, segment: Segment) -> None:
    asked = {wanted.feature for wanted in segment.features}
    known = set(await session.scalars(select(FeatureDefinition.name).where(FeatureDefinition.name.in_(asked))))
    for number, wanted in enumerate(segment.features):
        if wanted.feature not in known:
            raise CampaignRefused.at(f"/segment/features/{number}/feature", "is not in the feature dictionary")


def _traits(campaign: Campaign) -> Likeness:
    words = (f"{name}={value}" for name, values in campaign.segment.items() if values for value in _flat(values))
    goal = "".join(sign if sign.isalnum() else " " for sign in campaign.goal.lower()).split()
    return Likeness(frozenset(words), frozenset(campaign.actions), frozenset(goal))


def _flat(values: Any) -> list[str]:
    return [value["feature"] if isinstance(value, dict) else str(value) for value in values]


def _stored(segment: Segment) -> dict[str, Any]:
    return segment.model_dump(mode="json", exclude_none=True)
