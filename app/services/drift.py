"""Drift: what was scored lately, against what the version was made on."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.drift import Level, shift
from app.ml import registry
from app.ml.drift import MISSING, Bins
from app.ml.manifest import Manifest, Reference
from app.ml.traffic import Traffic
from app.models import ScoreTraffic
from app.observability import Metrics
from app.schemas.drift import DriftRead, FeatureShiftRead, ShiftRead
from app.services.models import ModelNotFound
from app.services.scores import Bundles
from app.services.traffic import first_day

USUAL_DAYS: Final = 7


async def get_drift(
    session: AsyncSession, root: Path, traffic: Traffic, name: str, version: str, days: int, at: datetime
) -> DriftRead:
    """Compare the rows of the last `days` days and of today so far, over all workers.

    This worker's are complete; those of others are as of their last save.
    """
    manifest = registry.find_manifest(root, name, version)
    if manifest is None:
        raise ModelNotFound("there is no model of this name and version")
    since = first_day(at, days)
    bins = Bins.of(manifest.reference)
    counts = await _count(session, traffic, manifest, bins, since)
    rows, score, features = _compare(manifest, manifest.reference, bins, counts)
    return DriftRead(name=name, version=version, rows=rows, days=days, since=since, score=score, features=features)


def measure(metrics: Metrics, traffic: Traffic, bundles: Bundles, at: datetime) -> None:
    """Set the gauges to what this process scored with its active bundles; what says nothing yet is left out."""
    for gauge in (metrics.drift_rows, metrics.drift_psi, metrics.score_drift_psi):
        gauge.clear()
    for kind, bundle in bundles.items():
        manifest, reference = bundle.manifest, bundle.manifest.reference
        bins = Bins.of(reference)
        own = traffic.since(manifest.name, manifest.version, first_day(at, USUAL_DAYS))
        rows, score, features = _compare(manifest, reference, bins, bins.total(own.values()))
        metrics.drift_rows.labels(kind).set(rows)
        _show(metrics.score_drift_psi, [kind], score)
        for feature in features:
            _show(metrics.drift_psi, [kind, feature.name], feature)


async def _count(
    session: AsyncSession, traffic: Traffic, manifest: Manifest, bins: Bins, since: date
) -> NDArray[np.int64]:
    # Of this worker, what it remembers stands for what it saved: that is the same, or older. A version that was trained
    # twice may have been binned in two ways: what does not fit is left out.
    query = select(ScoreTraffic.day, ScoreTraffic.worker_id, ScoreTraffic.counts).where(
        ScoreTraffic.name == manifest.name,
        ScoreTraffic.version == manifest.version,
        ScoreTraffic.day >= since,
        func.cardinality(ScoreTraffic.counts) == bins.size,
    )
    counts = {(day, worker): np.array(found) for day, worker, found in await session.execute(query)}
    for day, found in traffic.since(manifest.name, manifest.version, since).items():
        counts[day, traffic.worker_id] = found
    return bins.total(counts.values())


def _compare(
    manifest: Manifest, reference: Reference, bins: Bins, counts: NDArray[np.int64]
) -> tuple[int, ShiftRead, list[FeatureShiftRead]]:
    """Return how many rows there are, the drift of the score, and that of each feature, most first."""
    of_features, of_score = bins.split(counts)
    features = [
        _feature(feature.name, expected.counts, found)
        for feature, expected, found in zip(manifest.features, reference.features, of_features, strict=True)
    ]
    score = ShiftRead(**asdict(shift(reference.score.counts, of_score)))
    return bins.rows(counts), score, sorted(features, key=lambda feature: feature.psi or 0, reverse=True)


def _feature(name: str, reference: Sequence[int], recent: Sequence[int]) -> FeatureShiftRead:
    return FeatureShiftRead(
        name=name,
        **asdict(shift(reference, recent)),
        missing_share=recent[MISSING] / sum(recent) if sum(recent) else None,
        reference_missing_share=reference[MISSING] / sum(reference),
        bins=len(reference),
    )


def _show(gauge: Gauge, labels: Sequence[str], found: ShiftRead) -> None:
    if found.psi is not None and found.level is not Level.NOT_ENOUGH_DATA:
        gauge.labels(*labels).set(found.psi)
