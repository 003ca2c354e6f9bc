"""Releasing a fitted model: exported, gated, judged on rows it never saw, described, and written as one bundle."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.domain.formulas import Derived
from app.ml.bundle import canary_of
from app.ml.dataset import Dataset
from app.ml.drift import reference_of
from app.ml.manifest import FORMAT, MODEL, Purpose, seal
from app.ml.registry import register
from app.ml.scorer import run
from app.ml.session import open_session
from app.ml.training.curves import curves
from app.ml.training.dataset import TRAINED_SHARE, sha256_of
from app.ml.training.evaluate import evaluate
from app.ml.training.export import intercept_of, terms_of
from app.ml.training.folds import Keys, keys_of
from app.ml.training.material import Material
from app.ml.training.measures import by_segment
from app.ml.training.parity import gate, probes
from app.ml.training.report.page import render
from app.ml.training.shapes import shapes

NAME: Final = "churn"
REPORT_FORMAT: Final = 1
REPORT_JSON: Final = "report.json"
REPORT_HTML: Final = "report.html"
TENURE: Final = "tenure_months"
SERVED: Final = "ebm"
# The risk bands by the share of the training rows that reach them: the top half, the top fifth, the top twentieth.
QUANTILES: Final = {"medium": 0.50, "high": 0.80, "critical": 0.95}
CANARY_ROWS: Final = 17
LIBRARIES: Final = ("interpret-core", "numpy", "onnx", "onnxruntime", "scikit-learn", "scipy")
MOST_SEGMENTS: Final = 2  # taken from the features where the table names none
MOST_SEGMENT_VALUES: Final = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a table came from and how it was read, for the report: its parts stand in docs/models.md."""

    table: str = ""
    schema: Sequence[Mapping[str, Any]] = ()
    cleaning: Mapping[str, Any] | None = None
    causes: Mapping[str, Any] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    min_tenure_months: float | None = None

    @property
    def excluded(self) -> dict[str, int]:
        return dict(self.cleaning["rows"]["filtered"]) if self.cleaning else {}


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out before the model was fitted, part by part of the report; `others` are the challengers."""

    parts: Mapping[str, Any]
    others: Mapping[str, NDArray[np.float64]]  # probabilities [held-out rows] of the families that are not served


NOWHERE: Final = Origin()
NOTHING: Final = Findings({}, {})


def release(
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    *,
    purpose: Purpose,
    seed: int,
    out: Path,
    origin: Origin = NOWHERE,
    findings: Findings = NOTHING,
    judged: NDArray[np.float64] | None = None,
) -> Path:
    """Write an EBM, exported as `model`, to `out`/churn/<version>/ and return that directory.

    Where it was fitted to the held-out rows as well, `judged` are their probabilities by a model that was not.
    Raises ParityFailed, having written nothing, if the graph does not compute what the EBM computes.
    """
    session = open_session(model, features=len(material.features), terms=len(terms_of(ebm)))
    fitted = material.matrix if judged is None else material.everything
    parity = gate(session, ebm, material.features, fitted)
    unseen = run(session, material.unseen).probability if judged is None else judged
    keys = keys_of(material.held_out.ids, material.held_out.groups)
    metrics = evaluate(material.held_out.labels, unseen, keys, seed=seed).model_dump(mode="json")
    identity = identity_of(purpose, model)
    training = _training(material, origin, seed, refitted=judged is not None)
    report = {
        "format": REPORT_FORMAT,
        "model": {
            **{name: identity[name] for name in ("name", "version", *Purpose.model_fields)},
            "seed": seed,
            "sha256": identity["files"][MODEL],
        },
        "origin": _origin(material, origin, training),
        "schema": list(origin.schema),
        "cleaning": origin.cleaning,
        **findings.parts,
        **_judgement(material, unseen, metrics, findings, keys, seed),
        "shapes": [asdict(shape) for shape in shapes(ebm, material.features)],
        "causes": origin.causes,
        "parity": parity._asdict(),
    }
    short = origin.min_tenure_months
    fields = {
        **identity,
        **inputs_of(material.features, material.training.derived, material.raw),
        **described(session, ebm, material.features, fitted, unseen),
        "short_tenure": {"feature": TENURE, "months": short} if short else None,
        "metrics": metrics,
        "training": training,
    }
    return publish(out, fields, model, report, render(report))


def described(
    session: onnxruntime.InferenceSession,
    ebm: ExplainableBoostingClassifier,
    features: Sequence[Feature],
    fitted: NDArray[np.float32],
    unseen: NDArray[np.float64],
) -> dict[str, Any]:
    """Say what a manifest says of a model and the rows [N, features] it was fitted to; `unseen` are honest scores."""
    bands = np.quantile(run(session, fitted).probability, list(QUANTILES.values())).tolist()
    return {
        "terms": terms_of(ebm),
        "intercept": intercept_of(ebm),
        "bands": dict(zip(QUANTILES, bands, strict=True)),
        # The last of the probes are made up, in random company, and the very last row knows nothing.
        "canary": canary_of(session, probes(ebm, features, fitted)[-CANARY_ROWS:]).model_dump(mode="json"),
        "reference": reference_of(features, fitted, unseen).model_dump(mode="json"),
    }


def publish(out: Path, fields: Mapping[str, Any], model: bytes, report: Mapping[str, Any], page: str) -> Path:
    """Seal a manifest over the model and its report, and register them as one bundle; return its directory."""
    texts = {
        REPORT_JSON: json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False).encode(),
        REPORT_HTML: page.encode(),
    }
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    return register(out, seal({**fields, "files": fields["files"] | sums}), {MODEL: model, **texts})


def _judgement(
    material: Material,
    unseen: NDArray[np.float64],
    metrics: Mapping[str, Any],
    findings: Findings,
    keys: Keys,
    seed: int,
) -> dict[str, Any]:
    """Say how good the model is on the held-out rows: overall, by segment, and drawn."""
    labels = material.held_out.labels
    return {
        "measures": {
            name: {"value": metrics[name], "low": low, "high": high}
            for name, (low, high) in metrics["intervals"].items()
        },
        "base_rate": metrics["base_rate"],
        "segments": [asdict(one) for one in by_segment(labels, unseen, _segments(material), keys, seed=seed)],
        "curves": asdict(curves(labels, {SERVED: unseen, **findings.others}, served=SERVED)),
    }


def identity_of(purpose: Purpose, model: bytes, name: str = NAME) -> dict[str, Any]:
    """Return what names a bundle: the same model on the same day is the same version."""
    sha256 = hashlib.sha256(model).hexdigest()
    return {
        "format": FORMAT,
        "name": name,
        "version": f"{purpose.trained_at:%Y%m%d}-{sha256[:12]}",
        **purpose.model_dump(mode="json"),
        "files": {MODEL: sha256},
    }


def inputs_of(features: Sequence[Feature], derived: Sequence[Derived], raw: Sequence[Feature]) -> dict[str, Any]:
    """Say what the model reads, what of that is derived, and what may be sent besides."""
    read = {feature.name for feature in features}
    return {
        "features": [asdict(feature) for feature in features],
        "derived": [
            {"name": made.name, "formula": made.formula, "unit": made.unit} for made in derived if made.name in read
        ],
        "accepted": [asdict(replace(feature, levels=(), nullable=True)) for feature in raw if feature.name not in read],
    }


def _training(material: Material, origin: Origin, seed: int, *, refitted: bool) -> dict[str, Any]:
    parts = [material.training, material.held_out] if refitted else [material.training]
    made_of = training_of(parts, material.dropped, seed)
    return made_of | {"share": 1.0 if refitted else TRAINED_SHARE, "excluded": origin.excluded}


def training_of(parts: Sequence[Dataset], dropped: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Say what a model was made from, where it was made of all rows and none was excluded."""
    return {
        "rows": sum(len(part.labels) for part in parts),
        "positives": sum(int(part.labels.sum()) for part in parts),
        "seed": seed,
        "share": 1.0,
        "libraries": {library: version(library) for library in LIBRARIES},
        "data_sha256": sha256_of(*parts),
        "dropped": dict(dropped),
        "excluded": {},
    }


def _origin(material: Material, origin: Origin, training: Mapping[str, Any]) -> dict[str, Any]:
    kept = len(material.matrix) + len(material.unseen)
    return {
        "data_sha256": training["data_sha256"],
        "table": origin.table,
        "rows_read": origin.cleaning["rows"]["read"] if origin.cleaning else kept,
        "trained_on": len(material.matrix),
        "held_out": len(material.unseen),
        "refitted": training["share"] == 1,
        "positives": int(material.training.labels.sum()),
        "libraries": training["libraries"],
        "python": platform.python_version(),
        "stayline": version("stayline"),
        "min_tenure_months": origin.min_tenure_months,
    }


def _segments(material: Material) -> dict[str, Sequence[str | None]]:
    """Take the table's own segments, or the first features of few values where it names none."""
    named: dict[str, Sequence[str | None]] = {
        name: values for name, values in material.held_out.segments.items() if _few(values)
    }
    if named:
        return named
    columns: dict[str, Sequence[str | None]] = {
        feature.name: [None if value is None else str(value) for value in material.held_out.columns[feature.name]]
        for feature in material.features
        if feature.type is not FeatureType.NUMBER
    }
    return dict(islice(((name, values) for name, values in columns.items() if _few(values)), MOST_SEGMENTS))


def _few(values: Sequence[str | None]) -> bool:
    return 1 < len(set(values) - {None}) <= MOST_SEGMENT_VALUES
