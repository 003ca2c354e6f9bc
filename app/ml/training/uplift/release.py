"""Releasing a model of effects: through the same gate, in the same kind of bundle, as a churn model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from app.ml.bundle import canary_of
from app.ml.drift import reference_of
from app.ml.manifest import MODEL, UPLIFT, Purpose, seal
from app.ml.registry import register
from app.ml.scorer import run
from app.ml.session import open_session
from app.ml.training.evaluate import evaluate
from app.ml.training.export import intercept_of, terms_of
from app.ml.training.parity import gate, probes
from app.ml.training.release import CANARY_ROWS, LIBRARIES, QUANTILES, REPORT_HTML, REPORT_JSON, identity_of
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
    training = {
        "rows": len(experiment.arm),
        "positives": int(experiment.outcomes.sum()),
        "seed": seed,
        "share": 1.0,
        "libraries": {library: version(library) for library in LIBRARIES},
        "data_sha256": experiment.data_sha256,
        "dropped": dict(experiment.dropped),
        "excluded": {},
    }
    told = {
        "model": {name: identity[name] for name in ("name", "version", *Purpose.model_fields)},
        **report,
        "metrics": metrics,
        "training": training,
        "parity": parity._asdict(),
    }
    texts = {
        REPORT_JSON: json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False).encode(),
        REPORT_HTML: render(told).encode(),
    }
    bands = np.quantile(run(session, experiment.matrix).probability, list(QUANTILES.values())).tolist()
    read = {feature.name for feature in experiment.features}
    fields = {
        **identity,
        "features": [asdict(feature) for feature in experiment.features],
        "derived": [
            {"name": made.name, "formula": made.formula, "unit": made.unit}
            for made in experiment.dataset.derived
            if made.name in read
        ],
        "accepted": [
            asdict(feature) | {"levels": (), "nullable": True} for feature in experiment.raw if feature.name not in read
        ],
        "terms": terms_of(ebm),
        "intercept": intercept_of(ebm),
        "bands": dict(zip(QUANTILES, bands, strict=True)),
        "short_tenure": None,
        "metrics": metrics,
        "training": training,
        "reference": reference_of(experiment.features, experiment.matrix, unseen).model_dump(mode="json"),
        "canary": canary_of(session, probes(ebm, experiment.features, experiment.matrix)[-CANARY_ROWS:]).model_dump(
            mode="json"
        ),
        "uplift": uplift,
        "files": identity["files"] | {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()},
    }
    return register(out, seal(fields), {MODEL: model, **texts})
