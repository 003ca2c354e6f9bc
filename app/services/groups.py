"""Groups of subscribers on one plan, and what their members' profiles and snapshots tell of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Double, Numeric, case, cast, delete, exists, func, null, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Conflict, NotFound
from app.models import FeatureSnapshot, Group, Subscriber

FIELDS: Final = ("name", "plan", "flat_fee", "rental_free", "corporate_account", "payer", "owner")
IN_GROUP_CALLS: Final = "in_group_call_share"
_CENT: Final = Decimal("0.01")


class GroupNotFound(NotFound):
    """There is no such group."""


class GroupHasMembers(Conflict):
    """A group that has members cannot be deleted."""


@dataclass(frozen=True, slots=True)
class Told:
    """What its members tell of a group."""

    member_count: int = 0
    in_group_call_share: float | None = None
    monthly_revenue: Decimal | None = None
    co_location_share: float | None = None


async def put_group(
    session: AsyncSession, group_id: str, fields: Mapping[str, Any], at: datetime
) -> tuple[Group, bool]:
    """Create a group or replace what is said of it; tells whether it was created."""
    new = {"group_id": group_id, **fields, "version": 1, "created_at": at, "updated_at": at}
    created = await session.scalar(insert(Group).values(new).on_conflict_do_nothing().returning(Group.group_id))
    group = await get_group(session, group_id, for_update=True)
    if any(getattr(group, name) != value for name, value in fields.items()):
        for name, value in fields.items():
            setattr(group, name, value)
        group.version += 1
        group.updated_at = at
    return group, created is not None


async def get_group(session: AsyncSession, group_id: str, *, for_update: bool = False) -> Group:
    query = select(Group).where(Group.group_id == group_id)
    found = await session.scalar(query.with_for_update() if for_update else query)
    if found is None:
        raise GroupNotFound("there is no group with this id")
    return found


async def list_groups(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Group]:
    query = select(Group).order_by(Group.group_id).limit(limit)
    return (await session.scalars(query.where(Group.group_id > after) if after else query)).all()


async def list_members(session: AsyncSession, group_id: str, *, after: str | None, limit: int) -> Sequence[str]:
    """List a group's members; who is merged into another id is not counted twice."""
    await get_group(session, group_id)
    query = select(Subscriber.subscriber_id).where(Subscriber.group_id == group_id, Subscriber.merged_into.is_(None))
    if after is not None:
        query = query.where(Subscriber.subscriber_id > after)
    return (await session.scalars(query.order_by(Subscriber.subscriber_id).limit(limit))).all()


async def delete_group(session: AsyncSession, group_id: str) -> None:
    """Delete a group; raises GroupHasMembers."""
    await get_group(session, group_id, for_update=True)
    if await session.scalar(select(exists().where(Subscriber.group_id == group_id))):
        raise GroupHasMembers("the group has members: move them first")
    await session.execute(delete(Group).where(Group.group_id == group_id))


async def tell_of(
    session: AsyncSession, group_ids: Collection[str], revenue_features: Collection[str]
) -> dict[str, Told]:
    """Tell of each group what its members' profiles and latest snapshots say."""
    largest = await _largest_regions(session, group_ids)
    latest = (
        select(FeatureSnapshot.features)
        .where(FeatureSnapshot.subscriber_id == Subscriber.subscriber_id)
        .order_by(FeatureSnapshot.as_of.desc())
        .limit(1)
        .lateral()
    )
    numbers = [_number(latest.c.features, name, Numeric()) for name in revenue_features]
    revenue = func.coalesce(*numbers, null())
    query = (
        select(
            Subscriber.group_id,
            func.count(),
            func.avg(_number(latest.c.features, IN_GROUP_CALLS, Double())),
            func.sum(revenue),
        )
        .outerjoin(latest, true())
        .where(Subscriber.group_id.in_(group_ids), Subscriber.merged_into.is_(None))
        .group_by(Subscriber.group_id)
    )
    return {
        group_id: Told(
            member_count=members,
            in_group_call_share=calls,
            monthly_revenue=None if total is None else Decimal(total).quantize(_CENT),
            co_location_share=largest[group_id] / members if group_id in largest else None,
        )
        for group_id, members, calls, total in await session.execute(query)
    }


def _number(features: Any, name: str, type: Numeric[Any] | Double[Any]) -> Any:  # the column's own name
    """Take a feature where it is a number: another may stand there, and is nothing to add up."""
    return case((func.jsonb_typeof(features[name]) == "number", cast(features[name].astext, type)))


async def _largest_regions(session: AsyncSession, group_ids: Collection[str]) -> dict[str, int]:
    members = func.count().label("members")
    by_region = (
        select(Subscriber.group_id, members)
        .where(Subscriber.group_id.in_(group_ids), Subscriber.merged_into.is_(None), Subscriber.region.is_not(None))
        .group_by(Subscriber.group_id, Subscriber.region)
        .subquery()
    )
    rows = await session.execute(
        select(by_region.c.group_id, func.max(by_region.c.members).label("largest")).group_by(by_region.c.group_id)
    )
    return {row.group_id: row.largest for row in rows}
