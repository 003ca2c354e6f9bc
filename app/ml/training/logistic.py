"""Logistic regression: the baseline that every other family must beat."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.domain.features import Feature, FeatureType
from app.ml.training.capacity import choose
from app.ml.training.families import FittedEstimator, one_thread
from app.ml.training.fit import Effort
from app.ml.training.folds import Keys
from app.ml.training.measures import row_losses

PENALTIES = (0.01, 0.1, 1.0)  # scikit-learn's C: the smaller, the simpler
RARE = 10  # rows; rarer levels are one
MOST_STEPS = 1000
UNSEEN_FOLDS = 5


class Logistic:
    """Numbers are scaled, with an indicator of what is missing; every level is an indicator."""

    name = "logistic"
    title = "Logistic regression"

    def fit(
        self,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        features: Sequence[Feature],
        *,
        keys: Keys,
        seed: int,
        effort: Effort,  # noqa: ARG002  # it is cheap
    ) -> FittedEstimator:
        def fitted(penalty: float, rows: NDArray[np.float32], left: NDArray[np.bool_]) -> FittedEstimator:
            with one_thread():
                return FittedEstimator(_pipeline(features, penalty).fit(rows, left))

        candidates = {str(each): lambda rows, left, _, each=each: fitted(each, rows, left) for each in PENALTIES}
        return fitted(
            float(choose(candidates, matrix, labels, keys, seed=seed, tested=1, errors=0).chosen), matrix, labels
        )


def unseen_losses(
    matrix: NDArray[np.float32], labels: NDArray[np.bool_], features: Sequence[Feature], *, seed: int
) -> NDArray[np.float64]:
    """Return the log-loss [N] of each row, judged by a baseline that never saw it."""
    judge = cross_val_predict(
        _pipeline(features, PENALTIES[1]),
        matrix,
        labels,
        cv=StratifiedKFold(UNSEEN_FOLDS, shuffle=True, random_state=seed),
        method="predict_proba",
    )
    return row_losses(labels, judge[:, 1])


def _pipeline(features: Sequence[Feature], penalty: float) -> Pipeline:
    numbers = [index for index, feature in enumerate(features) if feature.type is FeatureType.NUMBER]
    others = [index for index in range(len(features)) if index not in numbers]
    # A column without any value is kept as zeros: which columns have some may differ from fold to fold.
    filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(filled, StandardScaler()), numbers),
            ("levels", OneHotEncoder(min_frequency=RARE, handle_unknown="infrequent_if_exist"), others),
        ]
    )
    return make_pipeline(columns, LogisticRegression(C=penalty, max_iter=MOST_STEPS))
