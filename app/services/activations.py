"""Activations: the store remembers every switch; each process and each host follows the latest."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, cast, get_args
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, StoreUnavailable, transaction
from app.ml import registry
from app.ml.active import ActiveBundles, Refusals
from app.ml.bundle import BundleRefused
from app.ml.manifest import UPLIFT, ChurnKind, Role
from app.ml.pointer import Choice, Pointer, Receipt, read_pointer
from app.models import ModelActivation
from app.models.base import new_id
from app.observability import tell

LOOK_SECONDS: Final = 1.0


async def record(session: AsyncSession, kind: str, receipt: Receipt) -> None:
    """Write down a switch, unless another process has done so."""
    previous = receipt.previous
    row = {
        "id": new_id(),
        "churn_kind": kind,
        **receipt.model_dump(exclude={"previous"}),
        "previous_name": previous and previous.name,
        "previous_version": previous and previous.version,
    }
    await session.execute(insert(ModelActivation).values(row).on_conflict_do_nothing())


async def find_latest_time(session: AsyncSession) -> datetime | None:
    return await session.scalar(select(func.max(ModelActivation.activated_at)))


async def list_activations(
    session: AsyncSession, kind: str | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[ModelActivation]:
    """List switches, latest first."""
    order = (ModelActivation.activated_at, ModelActivation.id)
    query = select(ModelActivation).order_by(*(column.desc() for column in order)).limit(limit)
    if kind is not None:
        query = query.where(ModelActivation.churn_kind == kind)
    if before is not None:
        query = query.where(tuple_(*order) < before)
    return (await session.scalars(query)).all()


async def watch(sessions: Sessions, bundles: ActiveBundles, refused: Gauge) -> None:
    """Keep this process on what is active, and this host agreed with the store, until cancelled.

    The pointer is looked at whether or not the store answers. `refused` counts what is to be active and cannot be.
    """
    behind = Refusals()

    async def look_at_pointer() -> None:
        await asyncio.to_thread(bundles.follow)
        refused.set(len(bundles.refusals) + len(behind))

    async def look_at_store() -> None:
        await agree(sessions, bundles, behind)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_again_and_again(look_at_pointer))
        tasks.create_task(_again_and_again(look_at_store))


async def agree(sessions: Sessions, bundles: ActiveBundles, behind: Refusals) -> None:
    """Let the latest activation of each kind win: record the pointer's if it is newer, else take up the store's.

    So a switch made on the command line is recorded, and one made on another host is made here, after a trial here.
    """
    pointer = await asyncio.to_thread(_pointer, bundles)
    async with transaction(sessions) as session:
        latest = await _find_latest(session)
        for kind, receipt in pointer.items():
            if kind not in latest or receipt.activated_at > latest[kind].activated_at:
                await record(session, kind, receipt)
    for kind, receipt in latest.items():
        here = pointer.get(kind)
        if here is None or (here != receipt and here.activated_at <= receipt.activated_at):
            await asyncio.to_thread(_catch_up, bundles, kind, receipt, behind)
        else:
            behind.forget(kind)


def _pointer(bundles: ActiveBundles) -> Pointer:
    try:
        return read_pointer(bundles.root)
    except BundleRefused:  # whoever follows it tells; it is begun anew from what the store knows
        return {}


def _catch_up(bundles: ActiveBundles, kind: Role, receipt: Receipt, behind: Refusals) -> None:
    if behind.stands(kind, receipt):
        return
    try:
        registry.catch_up(bundles.root, kind, receipt)
        bundles.follow()
    except BundleRefused as refused:
        behind.note(kind, refused.detail, receipt)
    except OSError:
        behind.note(kind, "The registry here cannot be written.", receipt)


async def _find_latest(session: AsyncSession) -> Pointer:
    times = select(ModelActivation.churn_kind, func.max(ModelActivation.activated_at)).group_by(
        ModelActivation.churn_kind
    )
    rows = await session.scalars(
        select(ModelActivation).where(
            tuple_(ModelActivation.churn_kind, ModelActivation.activated_at).in_(times),
            ModelActivation.churn_kind.in_((*get_args(ChurnKind), UPLIFT)),
        )
    )
    return {cast("Role", row.churn_kind): _receipt(row) for row in rows}


def _receipt(row: ModelActivation) -> Receipt:
    fields = {name: getattr(row, name) for name in Receipt.model_fields if name != "previous"}
    previous = row.previous_name and Choice(name=row.previous_name, version=row.previous_version or "")
    return Receipt(**fields, previous=previous or None)


async def _again_and_again(look: Callable[[], Awaitable[None]]) -> None:
    told: str | None = None
    while True:
        try:
            await look()
            told = None
        except StoreUnavailable:
            pass  # readiness tells
        except Exception as error:  # noqa: BLE001  # whatever it is, a process that stops looking would never switch again
            if told != (name := type(error).__qualname__):
                tell("watching failed", level=logging.ERROR, error=name)
                told = name
        await asyncio.sleep(LOOK_SECONDS)
