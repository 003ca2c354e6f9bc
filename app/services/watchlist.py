"""The watchlist: likely churners of the last run, the most likely first, each with what to do or why nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.consents import EVERYTHING, PROFILING
from app.domain.scores import Band
from app.errors import Invalid
from app.models import RiskScore, ScoringRun, Subscriber
from app.services import scores
from app.services.decision_contexts import DRIVERS_SHOWN
from app.services.scoring_runs import EVERYBODY, find_kept, find_last_done
from app.settings import Settings

_OF_PROFILE: Final = ("region", "brand", "value_tier")
_RANKS: Final = range(DRIVERS_SHOWN)
# An entry as the row of a table.
COLUMNS: Final[Mapping[str, type]] = {
    "id": str,
    "probability": float,
    "band": str,
    **{f"driver_{rank + 1}": str for rank in _RANKS},
    **{f"contribution_{rank + 1}": float for rank in _RANKS},
    "next_action": str,
    "expected_value": str,
    "none_because": str,
    "region": str,
    "brand": str,
    "value_tier": str,
    "as_of": date,
    "stale": bool,
}


class ListRemade(Invalid):
    """The list was made anew since this page was cut."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last entry of a page, in the list of its run."""

    run_id: UUID
    probability: float
    subscriber_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which likely churners: of a band, or from a threshold on, or else from the high band on."""

    churn_kind: str
    threshold: float | None
    band: Band | None
    profile: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the list, and the run it is of: None as long as none is done."""

    run: ScoringRun | None
    threshold: float | None
    items: list[dict[str, Any]]


async def find_likely_churners(
    session: AsyncSession, settings: Settings, asked: Asked, after: Place | None, limit: int, at: datetime
) -> Found:
    """Return up to `limit` of the list, after a place in it. Raises ListRemade where that list is no more."""
    run = await (_find_same(session, after) if after else find_last_done(session, asked.churn_kind))
    if run is None or run.model is None:
        return Found(None, None, [])
    threshold = _threshold(run.model["bands"], asked)
    wanted = [RiskScore.run_id == run.id, RiskScore.probability >= threshold, *_of(asked)]
    if after:
        wanted.append(_after(after))
    query = (
        select(RiskScore, *(getattr(Subscriber, name) for name in _OF_PROFILE))
        .join(Subscriber, Subscriber.subscriber_id == RiskScore.subscriber_id)
        .where(*wanted)
        .order_by(RiskScore.probability.desc(), RiskScore.subscriber_id)
        .limit(limit)
    )
    found = [(row, dict(zip(_OF_PROFILE, of, strict=True))) for row, *of in await session.execute(query)]
    return Found(run, threshold, [_shown(settings, at, row, profile) for row, profile in found])


async def _find_same(session: AsyncSession, after: Place) -> ScoringRun:
    run = await find_kept(session, after.run_id)
    if run is None:
        raise ListRemade.at("/query/cursor", "is of a list that is no more; begin again")
    return run


def _threshold(bands: Mapping[str, float], asked: Asked) -> float:
    if asked.threshold is not None:
        return asked.threshold
    return 0.0 if asked.band else bands[Band.HIGH]


def _of(asked: Asked) -> list[ColumnElement[bool]]:
    """The conditions beside the threshold.

    Who left since, turned out to be somebody else, or refused profiling is on no list.
    """
    profile = [getattr(Subscriber, name) == value for name, value in asked.profile.items() if value is not None]
    band = [RiskScore.band == asked.band.value] if asked.band else []
    willing = [Subscriber.consents[purpose].astext.is_distinct_from("false") for purpose in (EVERYTHING, PROFILING)]
    return [*profile, *band, *EVERYBODY, *willing]


def _after(place: Place) -> ColumnElement[bool]:
    less = RiskScore.probability < place.probability
    return or_(less, and_(RiskScore.probability == place.probability, RiskScore.subscriber_id > place.subscriber_id))


def _shown(settings: Settings, at: datetime, row: RiskScore, profile: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("subscriber_id", "probability", "band", "drivers", "as_of")},
        **{name: getattr(row, name) for name in ("next_action", "none_because")},
        **profile,
        "stale": scores.is_stale(row.as_of, at, settings),
    }


def as_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an entry out in COLUMNS."""
    drivers, action = entry["drivers"], entry["next_action"] or {}
    row = {name: entry.get(name) for name in COLUMNS}
    row |= {f"driver_{rank}": driver["feature"] for rank, driver in enumerate(drivers, 1)}
    row |= {f"contribution_{rank}": driver["contribution"] for rank, driver in enumerate(drivers, 1)}
    return row | {
        "id": entry["subscriber_id"],
        "next_action": action.get("code"),
        "expected_value": action.get("expected_value"),
    }
