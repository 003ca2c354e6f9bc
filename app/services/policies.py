"""What is in force: the catalogue and the rules, published together as one document that never changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import yaml
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.decisions.context import Action, ActionKind, Effect
from app.domain.decisions.policy import Cap, Policy, QuietHours
from app.domain.interactions import Channel
from app.errors import Unavailable
from app.models import Action as ActionRow
from app.models import PolicyVersion
from app.schemas.policies import PolicyRules
from app.services.expressions import compile_rule

Document = dict[str, Any]
_plain: Final = TypeAdapter(dict[str, Any])
_OTHERWISE: Final = {"quiet_hours", "channel_caps", "cool_down_days", "big_spender_tiers"}
_SAME: Final = tuple(name for name in PolicyRules.model_fields if name not in _OTHERWISE)
_KEPT_COMPILED: Final = 64


class NothingPublished(Unavailable):
    """No policy is in force: the store has not been filled."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A published document, ready to decide by."""

    version: str
    policy: Policy
    catalogue: tuple[Action, ...]


async def current(session: AsyncSession) -> PolicyVersion:
    """Return what is in force; raises NothingPublished."""
    found = await _newest(session)
    if found is None:
        raise NothingPublished("no policy is published: run `stayline migrate`")
    return found


async def _newest(session: AsyncSession) -> PolicyVersion | None:
    return await session.scalar(select(PolicyVersion).order_by(PolicyVersion.id.desc()).limit(1))


async def publish(
    session: AsyncSession, at: datetime, caller_id: UUID | None = None, rules: PolicyRules | None = None
) -> PolicyVersion:
    """Put in force the catalogue as it is, with new rules or those in force. What is in force already stays."""
    await lock(session, "policy")
    await session.flush()
    before = await _newest(session)
    wanted = rules.model_dump(mode="json") if rules else before.document["rules"] if before else shipped_rules()
    rows = (await session.scalars(select(ActionRow).order_by(ActionRow.code))).all()
    document = {"actions": [as_document(_columns_of(row)) for row in rows], "rules": wanted}
    version = version_of(document)
    if before and before.version == version:
        return before
    published = PolicyVersion(version=version, document=document, published_at=at, caller_id=caller_id)
    session.add(published)
    await session.flush()
    return published


def shipped_rules() -> dict[str, Any]:
    shipped = yaml.safe_load((files("app") / "catalogue" / "policy.yaml").read_text(encoding="utf-8"))
    return PolicyRules.model_validate(shipped).model_dump(mode="json")


def version_of(document: Document) -> str:
    """Name a document by its content."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def _columns_of(row: ActionRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in ActionRow.__table__.columns}


def as_document(columns: Mapping[str, Any]) -> Document:
    """An action as a published document holds it."""
    document: Document = _plain.dump_python(dict(columns), mode="json")
    return document


_compiled: Final[dict[tuple[str, str], Rulebook]] = {}


async def find_rulebook(session: AsyncSession, version: str, language: str) -> Rulebook:
    """Return a published version, compiled once a process. Raises NothingPublished for one that never was."""
    known = _compiled.get((version, language))
    if known is None:
        query = select(PolicyVersion.document).where(PolicyVersion.version == version)
        document = await session.scalar(query.limit(1))
        if document is None:
            raise NothingPublished("that policy version was never published")
        if len(_compiled) >= _KEPT_COMPILED:
            _compiled.pop(next(iter(_compiled)))
        known = _compiled[version, language] = compile_document(document, language, version)
    return known


def compile_document(document: Document, language: str, version: str) -> Rulebook:
    catalogue = tuple(_action(action, language) for action in document["actions"])
    return Rulebook(version, as_policy(document["rules"]), catalogue)


def _action(stored: Mapping[str, Any], language: str) -> Action:
    return Action(
        code=stored["code"],
        name=stored["name"],
        kind=ActionKind(stored["kind"]),
        channels=frozenset(Channel(channel) for channel in stored["channels"]),
        eligibility=stored["eligibility"],
        is_eligible=compile_rule(stored["eligibility"]),
        contact_cost=Decimal(stored["contact_cost"]),
        accept_cost=Decimal(stored["accept_cost"]),
        monthly_arpu_effect=Decimal(stored["monthly_arpu_effect"]),
        horizon_days=stored["horizon_days"],
        effect=Effect(stored["effect_mean"], stored["effect_sd"]),
        p_accept=stored["p_accept"],
        caps=_caps(stored["caps"]),
        valid_from=_instant(stored["valid_from"]),
        valid_to=_instant(stored["valid_to"]),
        say=stored["say"].get(language) or stored["say"]["en"],
        priced=stored["priced"],
        capacity_per_day=stored["capacity_per_day"],
    )


def _instant(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None


def as_policy(rules: Mapping[str, Any]) -> Policy:
    """Make the engine's policy of rules as they are stored."""
    said = PolicyRules.model_validate(rules)
    quiet = said.quiet_hours
    same = {name: getattr(said, name) for name in _SAME}
    return Policy(
        **same,
        quiet_hours=QuietHours(time.fromisoformat(quiet.begin), time.fromisoformat(quiet.end)) if quiet else None,
        channel_caps={Channel(channel): _caps(caps) for channel, caps in rules["channel_caps"].items()},
        cool_down_days=tuple(said.cool_down_days),
        big_spender_tiers=frozenset(said.big_spender_tiers),
    )


def _caps(stored: Sequence[Mapping[str, int]]) -> tuple[Cap, ...]:
    return tuple(Cap(cap["window_days"], cap["max"]) for cap in stored)
