"""What this process has scored, as counts: how many rows of each bundle fell into each bin on each day."""

from datetime import date
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from app.ml.bundle import Bundle
from app.ml.drift import Bins
from app.ml.manifest import Reference

MOST_WAITING = 256  # rows: few enough that binning them holds nobody up (0.3 ms with 20 features, 1.3 with 300)


class Key(NamedTuple):
    """One version on one day (UTC)."""

    name: str
    version: str
    day: date


class Tally:
    """The rows of one key: those binned already, and a few that wait."""

    def __init__(self, reference: Reference) -> None:
        self.bins = Bins.of(reference)
        self.saved_rows = 0
        self._counts = np.zeros(self.bins.size, np.int64)
        self._waiting: list[tuple[NDArray[np.float32], NDArray[np.float64]]] = []
        self._rows_waiting = 0

    def note(self, matrix: NDArray[np.float32], probability: NDArray[np.float64]) -> None:
        self._waiting.append((matrix, probability))
        self._rows_waiting += len(matrix)
        if self._rows_waiting >= MOST_WAITING:
            self._bin()

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows in each bin, the waiting ones included."""
        if self._waiting:
            self._bin()
        return self._counts

    @property
    def rows(self) -> int:
        return self.bins.rows(self.counts)

    def _bin(self) -> None:
        matrices, probabilities = zip(*self._waiting, strict=True)
        self._counts = self._counts + self.bins.count(np.concatenate(matrices), np.concatenate(probabilities))
        self._waiting, self._rows_waiting = [], 0


class Traffic:
    """The tallies of one process, of one event loop, known by `worker_id` to those of other processes."""

    def __init__(self) -> None:
        self.worker_id = uuid4()
        self._tallies: dict[Key, Tally] = {}

    def note(self, bundle: Bundle, matrix: NDArray[np.float32], probability: NDArray[np.float64], day: date) -> None:
        """Remember encoded rows [N, features] and their probabilities [N]. Neither array may be changed afterwards.

        A score waits for this: it only keeps the arrays, and bins them when there are many.
        """
        manifest = bundle.manifest
        key = Key(manifest.name, manifest.version, day)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(manifest.reference)
        tally.note(matrix, probability)

    def since(self, name: str, version: str, day: date) -> dict[date, NDArray[np.int64]]:
        """Return the counts of one version on each day from this one on."""
        return {
            key.day: tally.counts
            for key, tally in self._tallies.items()
            if (key.name, key.version) == (name, version) and key.day >= day
        }

    def unsaved(self) -> dict[Key, Tally]:
        """Return the tallies that hold rows which no save has covered."""
        return {key: tally for key, tally in self._tallies.items() if tally.rows > tally.saved_rows}

    def forget(self, before: date) -> None:
        """Drop the tallies of earlier days, saved or not: memory is bounded, however long the store is away."""
        self._tallies = {key: tally for key, tally in self._tallies.items() if key.day >= before}
