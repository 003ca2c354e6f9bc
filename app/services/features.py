"""The feature dictionary: every known feature, and whether values fit it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.features import Feature, FeatureType
from app.errors import Invalid, Violation, json_pointer
from app.models import FeatureDefinition


class FeaturesNotInDictionary(Invalid):
    """Some features do not fit the dictionary."""


async def list_features(
    session: AsyncSession, *, after: str | None = None, limit: int | None = None
) -> Sequence[FeatureDefinition]:
    """List the dictionary by name."""
    query = select(FeatureDefinition).order_by(FeatureDefinition.name).limit(limit)
    if after is not None:
        query = query.where(FeatureDefinition.name > after)
    return (await session.scalars(query)).all()


async def define_features(session: AsyncSession, features: Sequence[Feature], source: str, at: datetime) -> None:
    """Put features into the dictionary; one that is already there takes the newer description."""
    for feature in features:
        values: dict[str, Any] = {
            "type": feature.type.value,
            "unit": feature.unit,
            "minimum": feature.minimum,
            "maximum": feature.maximum,
            "source": source,
            "updated_at": at,
        }
        await session.execute(
            insert(FeatureDefinition)
            .values(name=feature.name, levels=list(feature.levels), **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )


async def add_levels(session: AsyncSession, seen: Mapping[str, set[str]]) -> None:
    """Add category levels to those the dictionary knows."""
    for name, levels in sorted(seen.items()):
        definition = await session.get(FeatureDefinition, name, with_for_update=True)
        if definition and not levels <= set(definition.levels):
            definition.levels = sorted(levels | set(definition.levels))


async def check_features(session: AsyncSession, features: Mapping[str, Any]) -> None:
    """Raise FeaturesNotInDictionary naming each feature that is unknown or whose value does not fit."""
    query = select(FeatureDefinition).where(FeatureDefinition.name.in_(features))
    known = {row.name: _feature(row) for row in await session.scalars(query)}
    violations = [
        Violation(json_pointer("features", name), reason)
        for name, value in features.items()
        if (reason := known[name].why_refused(value) if name in known else "is not in the feature dictionary")
    ]
    if violations:
        raise FeaturesNotInDictionary("some features do not fit the dictionary", violations)


def _feature(row: FeatureDefinition) -> Feature:
    return Feature(row.name, FeatureType(row.type), row.unit, row.minimum, row.maximum, tuple(row.levels))
