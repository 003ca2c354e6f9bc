"""Scoring runs: everybody scored, a piece at a time, each piece stored together with how far the run has come.

So a run that is cut short, by whatever, goes on where it stopped, and nobody is scored twice or left out.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ScalarSelect, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, StoreUnavailable, at_leisure, driver, insert_many, transaction
from app.domain.access import Caller
from app.domain.consents import PROFILING, forbids, strictest
from app.domain.decisions.engine import decide
from app.domain.interactions import Channel, Direction
from app.domain.jobs import JobState
from app.domain.scores import Band
from app.domain.subscribers import SubscriberStatus
from app.errors import AppError, NotFound
from app.ml.bundle import Bundle, load_bundle
from app.ml.features import FeaturesRefused
from app.ml.registry import active_bundles
from app.models import RiskScore, ScoringRun, Subscriber
from app.models.base import new_id
from app.schemas.decisions import DecisionCreate
from app.schemas.scores import ModelRead
from app.schemas.scoring_runs import ScoringRunCreate
from app.services import scores
from app.services.decision_contexts import DRIVERS_SHOWN, Deciding, gather
from app.services.scores import NoModel, Row, Score
from app.services.subscribers import SubscriberNotFound
from app.settings import Settings
from app.vault import Vault

CHUNK: Final = 1_000  # subscribers a transaction
RUNS_KEPT: Final = 2  # of each churn kind: a list that is being read goes on while the next one is there already
SILENT_FOR: Final = timedelta(minutes=1)
# Of whom a next action is weighed beforehand: it takes a hundred times as long as the score.
WEIGHED: Final = frozenset({Band.HIGH, Band.CRITICAL})
NOT_WEIGHED: Final = f"below the {Band.HIGH} band no action is weighed beforehand: a decision would weigh them"
SNAPSHOT_MISSING: Final = "snapshot-missing"
PROFILING_REFUSED: Final = "profiling-refused"
FEATURES_REFUSED: Final = FeaturesRefused.type().rpartition("/")[2]

# Of each person the newest snapshot that is known under any of their ids.
_NEXT: Final = """
    SELECT s.subscriber_id, f.as_of, f.features, s.consents, (
        SELECT json_agg(d.consents) FROM subscribers d WHERE d.merged_into = s.subscriber_id
    ) AS others
    FROM (
        SELECT subscriber_id, consents FROM subscribers
        WHERE subscriber_id > $1 AND merged_into IS NULL AND status <> $3 ORDER BY subscriber_id LIMIT $2
    ) s LEFT JOIN LATERAL (
        (SELECT as_of, features FROM feature_snapshots WHERE subscriber_id = s.subscriber_id
         ORDER BY as_of DESC LIMIT 1)
        UNION ALL
        (SELECT f.as_of, f.features FROM subscribers d JOIN feature_snapshots f USING (subscriber_id)
         WHERE d.merged_into = s.subscriber_id ORDER BY f.as_of DESC LIMIT 1)
        ORDER BY as_of DESC LIMIT 1
    ) f ON true ORDER BY s.subscriber_id
"""
# What is asked of each subscriber is planned once, not for each.
_PLAN_ONCE: Final = text("SET LOCAL plan_cache_mode = force_generic_plan")
EVERYBODY: Final = (Subscriber.merged_into.is_(None), Subscriber.status != SubscriberStatus.CHURNED.value)


class JobNotFound(NotFound):
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring the base takes."""

    sessions: Sessions
    settings: Settings
    vault: Vault
    now: Callable[[], datetime]


class _Person(NamedTuple):
    """A subscriber whose turn it is, with the newest that is known of them."""

    subscriber_id: str
    as_of: date | None
    features: Mapping[str, Any] | None
    consents: Mapping[str, bool]


class _Scored(NamedTuple):
    person: _Person
    score: Score


async def request_run(
    session: AsyncSession, caller: Caller, bundles: scores.Bundles, asked: ScoringRunCreate, at: datetime
) -> tuple[ScoringRun, bool]:
    """Ask for a run; tells whether it is new: one that has not ended will do. Raises ChurnKindUnknown, NoModel."""
    scores.get_bundle(bundles, asked.churn_kind)
    values = {
        "id": new_id(),
        "churn_kind": asked.churn_kind,
        "channel": asked.channel.value,
        "state": JobState.QUEUED.value,
        "requested_at": at,
        "requested_by": caller.id,
        "progressed_at": at,
        "cursor": "",
        "total": 0,
        "scored": 0,
        "refused": 0,
        "refusals": {},
    }
    statement = insert(ScoringRun).values(values).on_conflict_do_nothing().returning(ScoringRun)
    if made := await session.scalar(statement):
        return made, True
    unfinished = select(ScoringRun).where(ScoringRun.churn_kind == asked.churn_kind, ScoringRun.ended_at.is_(None))
    if running := await session.scalar(unfinished):
        return running, False
    raise StoreUnavailable("the run before ended at this moment; try again")


async def get_run(session: AsyncSession, job_id: UUID) -> ScoringRun:
    found = await session.get(ScoringRun, job_id)
    if found is None:
        raise JobNotFound("there is no job with this id")
    return found


def present_model(run: ScoringRun) -> ModelRead | None:
    """Show the model of a run, if it has begun."""
    return ModelRead.model_validate({name: run.model[name] for name in ModelRead.model_fields}) if run.model else None


async def find_kept(session: AsyncSession, run_id: UUID) -> ScoringRun | None:
    """Return a run that is done and whose scores are still there."""
    newest = select(ScoringRun.id).where(ScoringRun.state == JobState.DONE.value)
    run = await session.get(ScoringRun, run_id)
    if run is None:
        return None
    kept = newest.where(ScoringRun.churn_kind == run.churn_kind).order_by(ScoringRun.ended_at.desc()).limit(RUNS_KEPT)
    return run if run_id in set(await session.scalars(kept)) else None


async def find_last_done(session: AsyncSession, churn_kind: str) -> ScoringRun | None:
    query = select(ScoringRun).where(ScoringRun.churn_kind == churn_kind, ScoringRun.state == JobState.DONE.value)
    return await session.scalar(query.order_by(ScoringRun.ended_at.desc()).limit(1))


def silent_work() -> ScalarSelect[bool | None]:
    """Tell, in a question, whether nothing has got done of what is not finished; null where all is."""
    silence = func.now() - func.max(ScoringRun.progressed_at)
    return select(silence > SILENT_FOR).where(ScoringRun.ended_at.is_(None)).scalar_subquery()


async def work(scoring: Scoring) -> dict[str, int]:
    """Work off what was asked for, the oldest first. Raises StoreUnavailable; the next call goes on from there."""
    counts: Counter[str] = Counter(scored=0, refused=0)
    while run_id := await _find_oldest(scoring):
        try:
            bundles = await _begin(scoring, run_id)
            while done := await _score_chunk(scoring, run_id, bundles):
                counts.update(done)
            await _end(scoring, run_id, JobState.DONE)
        except StoreUnavailable:
            raise
        except AppError as error:
            await _end(scoring, run_id, JobState.FAILED, error.detail)
    return dict(counts)


async def _find_oldest(scoring: Scoring) -> UUID | None:
    query = select(ScoringRun.id).where(ScoringRun.ended_at.is_(None)).order_by(ScoringRun.requested_at).limit(1)
    async with transaction(scoring.sessions) as session:
        return await session.scalar(query)


async def _begin(scoring: Scoring, run_id: UUID) -> scores.Bundles:
    """Return what is active, and of the run's kind what was as it began: the same one after every interruption."""
    models_dir = scoring.settings.models_dir
    active = active_bundles(models_dir)
    async with transaction(scoring.sessions) as session:
        run = await get_run(session, run_id)
        if run.model is None:
            bundle = scores.get_bundle(active, run.churn_kind)
            await at_leisure(session)
            run.total = await session.scalar(select(func.count()).select_from(Subscriber).where(*EVERYBODY)) or 0
            run.model = _named(bundle)
            run.begun_at = run.progressed_at = scoring.now()
            run.state = JobState.RUNNING.value
            return active
        name, version, manifest_sha256 = (run.model[key] for key in ("name", "version", "manifest_sha256"))
    return active | {run.churn_kind: load_bundle(models_dir / name / version, manifest_sha256)}


def _named(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        **scores.present_model(bundle).model_dump(),
        "manifest_sha256": manifest.manifest_sha256,
        "horizon_days": manifest.horizon_days,
        "bands": manifest.bands.model_dump(),
    }


async def _score_chunk(scoring: Scoring, run_id: UUID, bundles: scores.Bundles) -> Counter[str]:
    """Score the next subscribers and store it all; returns how many were scored and refused, nothing at the end."""
    at = scoring.now()
    async with transaction(scoring.sessions) as session:
        run = await session.get_one(ScoringRun, run_id, with_for_update=True)
        people = await _next_people(session, run.cursor)
        if not people:
            return Counter()
        scored, refusals = _judge(bundles[run.churn_kind], people)
        # As of the next noon: a run at night is for the day to come.
        noon = scoring.settings.next_noon(at)
        deciding = Deciding(session, bundles, scoring.settings, scoring.vault, noon, run.requested_by)
        rows = [await _row(deciding, run, one) for one in scored]
        await insert_many(session, RiskScore, rows)
        run.cursor = people[-1].subscriber_id
        run.scored += len(scored)
        run.refused += len(people) - len(scored)
        run.refusals = dict(Counter(run.refusals) + refusals)
        run.progressed_at = at
    return Counter(scored=len(scored), refused=len(people) - len(scored))


async def _next_people(session: AsyncSession, cursor: str) -> list[_Person]:
    await session.execute(_PLAN_ONCE)
    found = await (await driver(session)).fetch(_NEXT, cursor, CHUNK, SubscriberStatus.CHURNED.value)
    return [
        _Person(
            row["subscriber_id"],
            row["as_of"],
            row["features"],
            strictest([row["consents"], *(row["others"] or ())]),
        )
        for row in found
    ]


def _judge(bundle: Bundle, people: Sequence[_Person]) -> tuple[list[_Scored], Counter[str]]:
    """Score whom it is possible and allowed to score; counts why the others are not."""
    fitting: list[_Person] = []
    rows: list[Row] = []
    refusals: Counter[str] = Counter()
    for person in people:
        if person.as_of is None or person.features is None:
            refusals[SNAPSHOT_MISSING] += 1
        elif forbids(person.consents, PROFILING):
            refusals[PROFILING_REFUSED] += 1
        else:
            try:
                known = scores.known_to(bundle, person.features)
                rows.append(scores.as_row(bundle, known, person.as_of, DRIVERS_SHOWN))
                fitting.append(person)
            except FeaturesRefused:
                refusals[FEATURES_REFUSED] += 1
    return [_Scored(*pair) for pair in zip(fitting, scores.score_rows(bundle, rows), strict=True)], refusals


async def _row(deciding: Deciding, run: ScoringRun, scored: _Scored) -> dict[str, Any]:
    person, score = scored
    action, why_none = await _weigh(deciding, run, scored) if score.band in WEIGHED else (None, NOT_WEIGHED)
    return {
        "subscriber_id": person.subscriber_id,
        "run_id": run.id,
        "probability": score.probability,
        "band": score.band.value,
        "as_of": person.as_of,
        "drivers": to_json([driver._asdict() for driver in score.drivers]).decode(),
        "next_action": action and to_json(action).decode(),
        "none_because": why_none,
    }


async def _weigh(deciding: Deciding, run: ScoringRun, scored: _Scored) -> tuple[dict[str, Any] | None, str | None]:
    """Return what would be decided of somebody whom we contact, or why nothing."""
    question = DecisionCreate(
        subscriber_id=scored.person.subscriber_id,
        channel=Channel(run.channel),
        direction=Direction.OUTBOUND,
        limit=1,
    )
    try:
        verdicts = decide((await gather(deciding, question, None)).context)
    except NoModel as reason:
        return None, reason.detail
    except SubscriberNotFound as erased:
        raise StoreUnavailable("somebody was erased at this moment; the piece is scored again") from erased
    if not verdicts.chosen:
        return None, verdicts.none_because
    best = verdicts.chosen[0]
    return {
        "code": best.action.code,
        "name": best.action.name,
        "expected_value": best.value.expected_value,
    }, None


async def _end(scoring: Scoring, run_id: UUID, state: JobState, failure: str | None = None) -> None:
    async with transaction(scoring.sessions) as session:
        run = await get_run(session, run_id)
        run.state, run.failure = state.value, failure
        run.ended_at = run.progressed_at = scoring.now()
        run.total = run.scored + run.refused  # some came and some went meanwhile
