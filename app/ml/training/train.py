"""From a table to a registered bundle: split, fit, export, gate, evaluate, write."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from pydantic import ValidationError

from app.errors import Invalid
from app.ml.dataset import Dataset
from app.ml.features import Contract, encode_many
from app.ml.manifest import FORMAT, MODEL, ChurnKind, Purpose, first_problem, seal
from app.ml.registry import register
from app.ml.scorer import run
from app.ml.session import open_session
from app.ml.training.dataset import (
    TRAINED_SHARE,
    NoRows,
    OneClassOnly,
    TooFewRows,
    learn_contract,
    sha256_of,
    split,
    without_constant,
    without_protected,
)
from app.ml.training.evaluate import evaluate
from app.ml.training.export import export, intercept_of, terms_of
from app.ml.training.fit import FULL, Effort, fit
from app.ml.training.parity import gate

NAME = "churn"
# The risk bands by the share of the training rows that reach them: the top half, the top fifth, the top twentieth.
QUANTILES = {"medium": 0.50, "high": 0.80, "critical": 0.95}
LEAST_OF_A_CLASS = 2  # the interval of the AUROC needs a variance within each class
LIBRARIES = ("interpret-core", "numpy", "onnx", "onnxruntime", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Material:
    """The two sides of a table, encoded: `matrix` [rows, features] to train on, `unseen` to judge by."""

    training: Dataset
    held_out: Dataset
    contract: Contract
    dropped: Mapping[str, str]
    matrix: NDArray[np.float32]
    unseen: NDArray[np.float32]


def train(
    dataset: Dataset,
    *,
    churn_kind: ChurnKind,
    horizon_days: int,
    label_note: str,
    seed: int,
    out: Path,
    progress: Callable[[str], None],
    effort: Effort = FULL,
    at: datetime | None = None,
) -> Path:
    """Train on three quarters of the subscribers and write `out`/churn/<version>/; return that directory.

    `at` is the time of training, now unless given. Equal tables, seeds and library versions give equal model files.
    Raises Invalid if a fact about the model or the table will not do (DatasetRefused, FeaturesRefused), ParityFailed if
    the exported graph is not exact; then nothing has been written.
    """
    purpose = _purpose(churn_kind, horizon_days, label_note, at or datetime.now(UTC))
    progress("Preparing the table")
    material = prepare(dataset)
    progress(f"Fitting {material.matrix.shape[1]} features on {len(material.matrix)} rows")
    ebm = fit(material.matrix, material.training.labels, material.contract.features, seed=seed, effort=effort)
    progress("Exporting the model and comparing it with the original")
    return release(material, ebm, export(ebm, material.contract.features), purpose, seed, out)


def prepare(dataset: Dataset) -> Material:
    """Check and split a table, and encode both sides. Raises DatasetRefused or FeaturesRefused."""
    if not dataset.ids:
        raise NoRows("The table has no rows.")
    # Protected columns go first, so that nothing below can depend on them, not even the order of the rows.
    dataset, protected = without_protected(dataset)
    # The whole table at once, before it is sorted: a refusal names the row where the table has it.
    encode_many(Contract.of(dataset.features), dataset.columns)
    training, held_out = split(dataset)
    _check_labels(dataset, training, held_out)
    training, constant = without_constant(training)
    return _encoded(training, held_out, dict.fromkeys(protected, "protected") | dict.fromkeys(constant, "constant"))


def _encoded(training: Dataset, held_out: Dataset, dropped: Mapping[str, str]) -> Material:
    contract = Contract.of(learn_contract(training))
    # Serving refuses to score without a value that training never lacked; judging takes such rows, not to be choosy.
    lenient = Contract.of([replace(feature, nullable=True) for feature in contract.features])
    matrix, unseen = encode_many(contract, training.columns), encode_many(lenient, held_out.columns)
    return Material(training, held_out, contract, dropped, matrix, unseen)


def release(
    material: Material, ebm: ExplainableBoostingClassifier, model: bytes, purpose: Purpose, seed: int, out: Path
) -> Path:
    """Write a bundle if its graph passes the gate. Raises ParityFailed, having written nothing, if it does not."""
    session = open_session(model, features=len(material.contract.features), terms=len(terms_of(ebm)))
    gate(session, ebm, material.contract.features, material.matrix)
    bands = np.quantile(run(session, material.matrix).probability, list(QUANTILES.values())).tolist()
    metrics = evaluate(material.held_out.labels, run(session, material.unseen).probability)
    fields = {
        **_identity(purpose, model),
        "features": [asdict(feature) for feature in material.contract.features],
        "derived": [],
        "accepted": [],
        "terms": terms_of(ebm),
        "intercept": intercept_of(ebm),
        "short_tenure": None,
        "bands": dict(zip(QUANTILES, bands, strict=True)),
        "metrics": metrics.model_dump(mode="json"),
        "training": _origin(material, seed),
    }
    return register(out, seal(fields), model)


def _purpose(churn_kind: ChurnKind, horizon_days: int, label_note: str, at: datetime) -> Purpose:
    # Checked before the fit, not minutes later when the manifest is written.
    trained_at = at.astimezone(UTC).replace(microsecond=0)
    try:
        return Purpose(churn_kind=churn_kind, horizon_days=horizon_days, label_note=label_note, trained_at=trained_at)
    except ValidationError as error:
        raise Invalid(first_problem(error)) from None


def _identity(purpose: Purpose, model: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(model).hexdigest()
    return {
        "format": FORMAT,
        "name": NAME,
        "version": f"{purpose.trained_at:%Y%m%d}-{sha256[:12]}",
        **purpose.model_dump(mode="json"),
        "files": {MODEL: sha256},
    }


def _origin(material: Material, seed: int) -> dict[str, Any]:
    return {
        "rows": len(material.matrix),
        "positives": int(material.training.labels.sum()),
        "seed": seed,
        "share": TRAINED_SHARE,
        "libraries": {library: version(library) for library in LIBRARIES},
        "data_sha256": sha256_of(material.training),
        "dropped": dict(material.dropped),
        "excluded": {},
    }


def _check_labels(dataset: Dataset, training: Dataset, held_out: Dataset) -> None:
    if len(set(dataset.labels.tolist())) == 1:
        raise OneClassOnly("Every row of the table has the same label: there is nothing to tell apart.")
    for side, rows in (("to train on", training), ("held out", held_out)):
        positives = int(rows.labels.sum())
        if min(positives, len(rows.labels) - positives) < LEAST_OF_A_CLASS:
            raise TooFewRows(
                f"The rows {side} hold fewer than {LEAST_OF_A_CLASS} of one label: the table is too small."
            )
