"""From prepared rows to a registered bundle: select, size, compare, fit, calibrate, release."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from pydantic import ValidationError

from app.errors import Invalid
from app.ml.manifest import Purpose, first_problem
from app.ml.training import calibration
from app.ml.training.boosted_trees import BoostedTrees, challenger_parity
from app.ml.training.calibration import calibrate
from app.ml.training.capacity import choose_capacity
from app.ml.training.cause_graph import CauseGraph, shipped_cause_graph
from app.ml.training.comparison import FAMILIES, compare
from app.ml.training.export import export
from app.ml.training.fit import FULL, Effort, fit
from app.ml.training.folds import FOLDS, folds, keys_of
from app.ml.training.logistic import Logistic
from app.ml.training.material import Material
from app.ml.training.release import NOWHERE, TENURE, Findings, Origin, release
from app.ml.training.selection import Dropped, Selection, select

# The share of the work that is done when each step begins, as measured on the public sample.
SELECTING, SIZING, COMPARING, FITTING, REFITTING, RELEASING = 0.02, 0.07, 0.25, 0.70, 0.82, 0.95

BEFOREHAND: Final[Mapping[str, str]] = {
    "protected": "{name} is a protected attribute: it never moves a score.",
    "constant": "{name} has the same value in every training row.",
}

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be made. `folds` are those of the comparison; one is a single split.

    `refit`: once judged on the held-out rows, the model is made again, in the same way, of all rows.
    """

    seed: int = 20240601
    folds: int = FOLDS
    effort: Effort = FULL
    graph: CauseGraph | None = None
    refit: bool = True


DEFAULT: Final = Plan()


@dataclass(frozen=True, slots=True)
class Trained:
    """Where the bundle is; which training `rows` [M] were tested, and their probabilities [M] `out_of_fold`."""

    directory: Path
    rows: NDArray[np.intp]
    out_of_fold: NDArray[np.float64]


def purpose_of(churn_kind: str, horizon_days: int, label_note: str = "", at: datetime | None = None) -> Purpose:
    """Say what a model is for; `at` is the time of training, now unless given. Raises Invalid."""
    fields: dict[str, Any] = {
        "churn_kind": churn_kind,
        "horizon_days": horizon_days,
        "label_note": label_note,
        "trained_at": (at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0),
    }
    try:
        return Purpose.model_validate(fields)
    except ValidationError as error:
        raise Invalid(first_problem(error)) from None


def train(
    material: Material,
    purpose: Purpose,
    *,
    out: Path,
    plan: Plan = DEFAULT,
    origin: Origin = NOWHERE,
    tell: Tell = lambda _step, _done: None,
) -> Trained:
    """Train on the training rows and write `out`/churn/<version>/; `tell` hears each step and the share that is done.

    Equal tables, seeds and library versions give equal model files. Raises ParityFailed, having written nothing, if the
    exported graph does not compute what the model computes; DatasetRefused if the rows are too few to be split.
    """
    labels, seed = material.training.labels, plan.seed
    keys = keys_of(material.training.ids, material.training.groups)

    before = material
    tell(f"Choosing among {len(material.features)} features", SELECTING)
    selection = _selected(material, plan, origin)
    material = material.narrowed({one.name: one.sentence for one in selection.dropped})

    tell("Choosing the capacity", SIZING)
    rows = (material.matrix, labels, material.features)
    capacity, effort = choose_capacity(*rows, keys=keys, seed=seed, effort=plan.effort)

    splits = folds(labels, keys, material.training.dates, count=plan.folds, seed=seed)
    comparison, unseen = compare(
        *rows, splits, keys=keys, seed=seed, effort=effort, progress=lambda step: tell(step, COMPARING)
    )
    calibrated = calibrate(unseen.logits, labels[unseen.rows], keys[unseen.rows], seed=seed)

    def fitted(matrix: NDArray[np.float32], labels: NDArray[np.bool_]) -> ExplainableBoostingClassifier:
        ebm = fit(matrix, labels, material.features, seed=seed, effort=effort)
        if calibrated.applied:
            calibration.apply(ebm, calibrated.slope, calibrated.intercept)
        return ebm

    tell(f"Fitting {len(material.features)} features on {len(labels):,} rows", FITTING)
    ebm, judged = fitted(material.matrix, labels), None
    if plan.refit:
        judged = ebm.predict_proba(material.unseen)[:, 1]
        tell(f"Fitting them again, on all {len(material.all_labels):,} rows", REFITTING)
        ebm = fitted(material.everything, material.all_labels)

    tell("Exporting, judging, writing the report", RELEASING)
    challenger = BoostedTrees().fit(*rows, keys=keys, seed=seed, effort=effort)
    baseline = Logistic().fit(*rows, keys=keys, seed=seed, effort=effort)
    findings = Findings(
        {
            "selection": _selection_of(selection, before, origin),
            "capacity": asdict(capacity),
            "calibration": asdict(calibrated),
            "comparison": asdict(comparison),
            "challenger_parity": asdict(challenger_parity(challenger.estimator, material.features, material.matrix)),
        },
        {
            BoostedTrees.name: challenger.probabilities(material.unseen),
            Logistic.name: baseline.probabilities(material.unseen),
        },
    )
    model = export(ebm, material.features)
    directory = release(
        material, ebm, model, purpose=purpose, seed=seed, out=out, origin=origin, findings=findings, judged=judged
    )
    return Trained(directory, unseen.rows, unseen.probabilities[FAMILIES[0].name])


def _selected(material: Material, plan: Plan, origin: Origin) -> Selection:
    # Whoever is too new for the model is told by the tenure, so it must be an input or be sent besides.
    keep = frozenset({TENURE}) if origin.min_tenure_months else frozenset()
    derived = {made.name: made.replaces for made in material.training.derived}
    return select(
        material.matrix,
        material.training.labels,
        material.features,
        plan.graph or shipped_cause_graph(),
        derived=derived,
        seed=plan.seed,
        keep=keep,
    )


def _selection_of(selection: Selection, material: Material, origin: Origin) -> dict[str, Any]:
    """Put what was left out before anything was measured beside what the selection left out."""
    beforehand = [
        *(
            Dropped(name, "identifier", f"The column {name} was not read: {why}.")
            for name, why in origin.left_out.items()
        ),
        *(
            Dropped(name, "protected" if why == "protected" else "constant", BEFOREHAND[why].format(name=name))
            for name, why in material.dropped.items()
        ),
    ]
    return asdict(replace(selection, dropped=(*beforehand, *selection.dropped)))
