"""Releasing a model of effects: through the same gate, in the same kind of bundle, as a churn model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from app.ml.manifest import UPLIFT, Purpose
from app.ml.session import open_session
from app.ml.training.evaluate import evaluate
from app.ml.training.export import terms_of
from app.ml.training.parity import gate
from app.ml.training.release import described, identity_of, inputs_of, publish, training_of
from app.ml.training.uplift.experiment import Experiment
from app.ml.training.uplift.page import render


def release(
    experiment: Experiment,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    *,
    purpose: Purpose,
    seed: int,
    out: Path,
    uplift: Mapping[str, Any],
    report: Mapping[str, Any],
    unseen: NDArray[np.float64],
) -> Path:
    """Write `out`/uplift/<version>/ and return it; `unseen` [N] are out-of-fold probabilities under the arm given.

    Raises ParityFailed, having written nothing, if the graph does not compute what the EBM computes.
    """
    session = open_session(model, features=len(experiment.features), terms=len(terms_of(ebm)))
    parity = gate(session, ebm, experiment.features, experiment.matrix)
    identity = identity_of(purpose, model, UPLIFT)
    metrics = evaluate(experiment.outcomes, unseen, experiment.keys, seed=seed).model_dump(mode="json")
    training = training_of([experiment.dataset], experiment.dropped, seed)
    told = {
        "model": {name: identity[name] for name in ("name", "version", *Purpose.model_fields)},
        **report,
        "metrics": metrics,
        "training": training,
        "parity": parity._asdict(),
    }
    fields = {
        **identity,
        **inputs_of(experiment.features, experiment.dataset.derived, experiment.raw),
        **described(session, ebm, experiment.features, experiment.matrix, unseen),
        "short_tenure": None,
        "metrics": metrics,
        "training": training,
        "uplift": uplift,
    }
    return publish(out, fields, model, told, render(told))
