"""What a process remembers of the rows it scored: counts, and not for ever."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from app.ml.bundle import Bundle
from app.ml.drift import Bins
from app.ml.scorer import score
from app.ml.traffic import MOST_WAITING, Traffic

TODAY = date(2026, 11, 3)


def seen(traffic: Traffic, bundle: Bundle, since: date = TODAY) -> dict[date, list[int]]:
    found = traffic.since(bundle.manifest.name, bundle.manifest.version, since)
    return {day: counts.tolist() for day, counts in found.items()}


def expected(bundle: Bundle, rows: NDArray[np.float32]) -> list[int]:
    assert bundle.manifest.reference
    counts: list[int] = Bins.of(bundle.manifest.reference).count(rows, score(bundle, rows).probability).tolist()
    return counts


@pytest.mark.parametrize("batch", [1, 7, MOST_WAITING + 1])
def test_rows_noted_one_by_one_or_in_batches_are_all_counted(
    bundle: Bundle, unseen: NDArray[np.float32], batch: int
) -> None:
    traffic, probability = Traffic(), score(bundle, unseen).probability
    for at in range(0, len(unseen), batch):
        traffic.note(bundle, unseen[at : at + batch], probability[at : at + batch], TODAY)

    assert len(unseen) > MOST_WAITING
    assert seen(traffic, bundle) == {TODAY: expected(bundle, unseen)}


def test_each_day_counts_for_itself(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    traffic, probability = Traffic(), score(bundle, unseen).probability
    yesterday = TODAY - timedelta(days=1)
    traffic.note(bundle, unseen[:9], probability[:9], yesterday)
    traffic.note(bundle, unseen[9:12], probability[9:12], TODAY)

    assert seen(traffic, bundle) == {TODAY: expected(bundle, unseen[9:12])}
    assert seen(traffic, bundle, yesterday) == {
        yesterday: expected(bundle, unseen[:9]),
        TODAY: expected(bundle, unseen[9:12]),
    }


def test_another_version_is_another_matter(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    traffic = Traffic()
    traffic.note(bundle, unseen[:1], np.array([0.5]), TODAY)

    assert not traffic.since(bundle.manifest.name, "20261103-000000000000", TODAY)
    assert not traffic.since("other", bundle.manifest.version, TODAY)


def test_old_days_are_forgotten(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    traffic = Traffic()
    for day in range(40):
        traffic.note(bundle, unseen[:1], np.array([0.5]), TODAY - timedelta(days=day))
    traffic.forget(TODAY - timedelta(days=35))

    assert len(seen(traffic, bundle, date.min)) == 36
