"""Model families behind one interface: all are fitted to the same encoded rows and answer with probabilities."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes with scikit-learn, without types

from app.domain.features import Feature
from app.ml.training.fit import Effort, fit
from app.ml.training.folds import Keys


class Fitted(Protocol):
    """A fitted model."""

    def probabilities(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the churn probability [N] of encoded rows [N, features]."""
        ...


class Family(Protocol):
    """A way to make a model of encoded rows (see `app.ml.features`)."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def fit(
        self,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        features: Sequence[Feature],
        *,
        keys: Keys,
        seed: int,
        effort: Effort,
    ) -> Fitted:
        """Fit rows [N, features] to their labels [N]; rows of one key [N] belong together in any choice made inside.

        No class weights and no resampling: both would spoil the probabilities. The same arguments give the same model.
        """
        ...


@dataclass(frozen=True, slots=True)
class FittedEstimator:
    """A fitted classifier of the scikit-learn kind."""

    estimator: Any

    def probabilities(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        with one_thread():
            return np.asarray(self.estimator.predict_proba(matrix)[:, 1], np.float64)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the threads of scikit-learn and of the linear algebra out.

    On a busy machine they wait for each other: boosted trees took nine times as long with two threads as with one. And
    sums that several threads share may end in other digits.
    """
    with threadpool_limits(1):
        yield


class ExplainableBoosting:
    """The served family; its capacity is part of the effort (see `app.ml.training.capacity`)."""

    name = "ebm"
    title = "Explainable boosting machine"

    def fit(
        self,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        features: Sequence[Feature],
        *,
        keys: Keys,  # noqa: ARG002  # it makes no choice inside
        seed: int,
        effort: Effort,
    ) -> FittedEstimator:
        return FittedEstimator(fit(matrix, labels, features, seed=seed, effort=effort))
