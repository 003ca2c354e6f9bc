"""Scores: probability, band and exact reasons, from given features or a stored snapshot. Nothing is written."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.features import FeatureValue
from app.domain.scores import Band
from app.errors import AppError, Invalid, Unavailable
from app.ml import drivers as explained
from app.ml import scorer
from app.ml.bundle import Bundle
from app.ml.drivers import Driver
from app.ml.features import complete, encode, unseen_levels
from app.ml.manifest import UPLIFT
from app.ml.traffic import Traffic
from app.schemas.scores import DriverRead, ModelRead, ScoreRead, ScoreRequest
from app.services.subscribers import LatestSnapshot, find_latest_snapshots
from app.settings import Settings

Bundles = Mapping[str, Bundle]
UNSEEN_LEVEL: Final = "unseen_level"
SHORT_TENURE: Final = "short_tenure"
AT_ONCE: Final = 256  # rows of a batch that others wait for: some twenty milliseconds


class NoModel(Unavailable):
    """No model is loaded."""

    retry_after = 30


class ChurnKindUnknown(Invalid):
    """No model of this churn kind is active."""


class SnapshotMissing(Invalid):
    """Nothing is stored of this subscriber that could be scored."""


class Score(NamedTuple):
    """One row scored: `drivers` are the strongest asked for, `other_contribution` is the sum of the rest.

    `row` is the row as the model saw it, [1, features].
    """

    bundle: Bundle
    row: NDArray[np.float32]
    probability: float
    logit: float
    band: Band
    drivers: list[Driver]
    other_contribution: float
    exclusions: list[str]


def get_bundle(bundles: Bundles, churn_kind: str) -> Bundle:
    if churn_kind in bundles and churn_kind != UPLIFT:
        return bundles[churn_kind]
    kinds = sorted(bundles.keys() - {UPLIFT})
    if not kinds:
        raise NoModel("no model is active: train one and activate it")
    raise ChurnKindUnknown.at("/churn_kind", f"has no active model; there is one for {', '.join(kinds)}")


async def score(
    session: AsyncSession, bundles: Bundles, traffic: Traffic, settings: Settings, request: ScoreRequest, at: datetime
) -> ScoreRead:
    """Score one: features that name the whole contract need no store; fewer are laid over the latest snapshot."""
    bundle = get_bundle(bundles, request.churn_kind)
    values, as_of = await _values(session, bundle, request)
    scored = score_values(bundle, values, as_of or settings.today(at), request.drivers)
    note(traffic, [scored], at)
    return present(scored, request.subscriber_id, as_of, is_stale(as_of, at, settings))


def note(traffic: Traffic, found: Sequence[Score], at: datetime) -> None:
    """Count scores by one bundle as such that somebody was given."""
    probabilities = np.array([score.probability for score in found])
    traffic.note(found[0].bundle, np.concatenate([score.row for score in found]), probabilities, at.date())


class Row(NamedTuple):
    """One row that fits a model: its values, derived ones included, and `cells` as the model sees them, [1, features].

    `limit` is how many drivers are asked for.
    """

    values: Mapping[str, FeatureValue]
    cells: NDArray[np.float32]
    limit: int


def score_values(bundle: Bundle, raw: Mapping[str, FeatureValue], as_of: date, limit: int) -> Score:
    """Score one row of raw values as of a day; raises FeaturesRefused naming what does not fit."""
    return score_rows(bundle, [as_row(bundle, raw, as_of, limit)])[0]


def as_row(bundle: Bundle, raw: Mapping[str, FeatureValue], as_of: date, limit: int) -> Row:
    """Check and code raw values as of a day; raises FeaturesRefused naming what does not fit."""
    values = complete(bundle.contract, raw, as_of)
    return Row(values, encode(bundle.contract, values), limit)


def score_rows(bundle: Bundle, rows: Sequence[Row]) -> list[Score]:
    """Score rows in one go."""
    if not rows:
        return []
    results = scorer.score(bundle, np.concatenate([row.cells for row in rows]))
    values, limits = [row.values for row in rows], [row.limit for row in rows]
    reasons = explained.drivers(bundle, values, results.contributions, limits)
    judged = zip(rows, results.probability.tolist(), results.logit.tolist(), reasons, strict=True)
    return [
        Score(
            bundle,
            row.cells,
            probability,
            logit,
            explained.band(bundle.manifest.bands, probability),
            named,
            rest,
            _exclusions(bundle, row.values),
        )
        for row, probability, logit, (named, rest) in judged
    ]


def _exclusions(bundle: Bundle, values: Mapping[str, FeatureValue]) -> list[str]:
    """Name what makes this score deserve less trust."""
    unseen = [f"{UNSEEN_LEVEL}:{name}" for name in unseen_levels(bundle.contract, values)]
    short = bundle.manifest.short_tenure
    tenure = values.get(short.feature) if short else None
    is_short = short is not None and isinstance(tenure, int | float) and tenure < short.months
    return [SHORT_TENURE, *unseen] if is_short else unseen


def known_to(bundle: Bundle, features: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the bundle reads: a snapshot may hold more."""
    return {name: value for name, value in features.items() if name in bundle.contract.raw}


def is_stale(as_of: date | None, at: datetime, settings: Settings) -> bool:
    return as_of is not None and settings.today(at) - as_of > settings.stale_after


def present_drivers(drivers: list[Driver]) -> list[DriverRead]:
    return [DriverRead(feature=d.feature, value=d.value, contribution=d.contribution, effect=d.effect) for d in drivers]


def present_model(bundle: Bundle) -> ModelRead:
    manifest = bundle.manifest
    return ModelRead(name=manifest.name, version=manifest.version, sha256=bundle.sha256, label_note=manifest.label_note)


def present(score: Score, subscriber_id: str | None, as_of: date | None, stale: bool) -> ScoreRead:  # noqa: FBT001  # a fact, not a switch
    shaped = {
        "band": score.band,
        "drivers": present_drivers(score.drivers),
        "model": present_model(score.bundle),
    }
    return ScoreRead.model_construct(**as_plain(score, subscriber_id, as_of, stale) | shaped)


def as_plain(score: Score, subscriber_id: str | None, as_of: date | None, stale: bool) -> dict[str, Any]:  # noqa: FBT001  # a fact, not a switch
    """The fields of a ScoreRead, for an answer that is written as it is."""
    manifest = score.bundle.manifest
    return {
        "subscriber_id": subscriber_id,
        "churn_kind": manifest.churn_kind,
        "horizon_days": manifest.horizon_days,
        "probability": score.probability,
        "band": str(score.band),
        "logit": score.logit,
        "baseline_logit": manifest.intercept,
        "drivers": [
            {"feature": d.feature, "value": d.value, "contribution": d.contribution, "effect": str(d.effect)}
            for d in score.drivers
        ],
        "other_contribution": score.other_contribution,
        "model": {
            "name": manifest.name,
            "version": manifest.version,
            "sha256": score.bundle.sha256,
            "label_note": manifest.label_note,
        },
        "as_of": as_of,
        "stale": stale,
        "exclusions": score.exclusions,
    }


class Item(NamedTuple):
    """One item of a batch, ready to be scored: its features as of a day if any of them were looked up."""

    subscriber_id: str | None
    bundle: Bundle
    row: Row
    as_of: date | None


async def score_many(
    session: AsyncSession,
    bundles: Bundles,
    traffic: Traffic,
    settings: Settings,
    requests: Sequence[ScoreRequest],
    at: datetime,
) -> list[dict[str, Any] | AppError]:
    """Score each as `score` does, the fields of a ScoreRead or what it is refused for, in the order of the requests."""
    found: list[Any] = await prepare(session, bundles, settings, requests, at)
    for start in range(0, len(found), AT_ONCE):
        await asyncio.sleep(0)  # others are waiting
        places = [place for place in range(start, min(start + AT_ONCE, len(found))) if isinstance(found[place], Item)]
        for bundle in {id(found[place].bundle): found[place].bundle for place in places}.values():
            same = [place for place in places if found[place].bundle is bundle]
            answers = list(_scored(bundle, [found[place] for place in same], traffic, settings, at))
            for place, answer in zip(same, answers, strict=True):
                found[place] = answer
    return found


async def prepare(
    session: AsyncSession, bundles: Bundles, settings: Settings, requests: Sequence[ScoreRequest], at: datetime
) -> list[Item | AppError]:
    """Look up what is missing, check and code it: each item, or what it is refused for, in the requests' order."""
    ids = {request.subscriber_id for request in requests if request.subscriber_id and not _is_given(bundles, request)}
    snapshots = await find_latest_snapshots(session, ids)
    found: list[Item | AppError] = []
    for number, request in enumerate(requests, 1):
        try:
            found.append(_item(request, bundles, snapshots, settings.today(at)))
        except AppError as refusal:
            found.append(refusal)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # others are waiting
    return found


def _item(request: ScoreRequest, bundles: Bundles, snapshots: Mapping[str, LatestSnapshot], today: date) -> Item:
    bundle = get_bundle(bundles, request.churn_kind)
    raw, as_of = _laid_over(bundle, request, snapshots.get(request.subscriber_id or ""))
    row = as_row(bundle, raw, as_of or today, request.drivers)
    return Item(request.subscriber_id, bundle, row, as_of)


def _scored(
    bundle: Bundle, items: Sequence[Item], traffic: Traffic, settings: Settings, at: datetime
) -> Iterator[dict[str, Any]]:
    found = score_rows(bundle, [item.row for item in items])
    note(traffic, found, at)
    for item, score in zip(items, found, strict=True):
        yield as_plain(score, item.subscriber_id, item.as_of, is_stale(item.as_of, at, settings))


async def _values(
    session: AsyncSession, bundle: Bundle, request: ScoreRequest
) -> tuple[Mapping[str, FeatureValue], date | None]:
    id = request.subscriber_id
    found = await find_latest_snapshots(session, {id}) if id and not gives_all(bundle, request.features) else {}
    return _laid_over(bundle, request, found.get(id or ""))


def _is_given(bundles: Bundles, request: ScoreRequest) -> bool:
    return request.churn_kind in bundles and gives_all(bundles[request.churn_kind], request.features)


def gives_all(bundle: Bundle, features: Mapping[str, Any] | None) -> bool:
    """Tell whether the features that are given are all that the model reads, so that no snapshot is needed."""
    return (features or {}).keys() >= bundle.contract.needed


def _laid_over(
    bundle: Bundle, request: ScoreRequest, snapshot: LatestSnapshot | None
) -> tuple[Mapping[str, FeatureValue], date | None]:
    """Lay the features that are given over those of the snapshot, if it takes one; returns its day, too."""
    given = request.features or {}
    if request.subscriber_id is None or gives_all(bundle, request.features):
        return given, None
    if snapshot is None:
        raise SnapshotMissing.at("/subscriber_id", "is not known, or has no feature snapshot yet")
    return known_to(bundle, snapshot.features) | given, snapshot.as_of
