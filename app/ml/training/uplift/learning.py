"""From a checked log to a registered bundle: cross-fit, judge, fit on all of it, export, describe."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.ml.manifest import ARM, Purpose
from app.ml.training.export import export
from app.ml.training.fit import Effort
from app.ml.training.measures import REACH, Measure
from app.ml.training.train import Tell
from app.ml.training.uplift.effects import EFFORT, FOLDS, Effects, cross_fit, fit_effects, over_control
from app.ml.training.uplift.experiment import Experiment
from app.ml.training.uplift.qini import Judgement, average_effects, judge, measured_gains, policies
from app.ml.training.uplift.release import release

BINS: Final = 5
CROSS_FITTING, FITTING, RELEASING = 0.05, 0.75, 0.95
NOT_RANDOMISED: Final = (
    "Nobody noted with what probability each subscriber was given what. What looks like an effect may be"
    " how they were chosen: this model never ranks."
)
Goal = Literal["lower", "raise"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to learn."""

    goal: Goal = "lower"
    seed: int = 20240601
    folds: int = FOLDS
    effort: Effort = EFFORT

    @property
    def sign(self) -> int:
        return -1 if self.goal == "lower" else 1


@dataclass(frozen=True, slots=True)
class Learned:
    """Where the bundle is, and what was found: `uplift` as the manifest has it, `predicted` out of fold."""

    directory: Path
    uplift: Mapping[str, Any]
    predicted: Effects


def learn(
    experiment: Experiment,
    purpose: Purpose,
    *,
    out: Path,
    plan: Plan,
    table: str = "",
    truth: Floats | None = None,
    tell: Tell = lambda _step, _done: None,
) -> Learned:
    """Learn what each arm changes and write `out`/uplift/<version>/; nothing is written unless all of it held.

    `truth` [N, A], known of a simulated world alone, are the true probabilities under each arm: then the report shows
    what the oracle would have brought, beside what the policies did.
    """
    span = FITTING - CROSS_FITTING
    tell(f"Cross-fitting {len(experiment.arms)} arms over {len(experiment.arm):,} rows", CROSS_FITTING)
    predicted, fold = cross_fit(
        experiment,
        sign=plan.sign,
        seed=plan.seed,
        folds=plan.folds,
        effort=plan.effort,
        progress=lambda done: tell("Cross-fitting", CROSS_FITTING + span * done),
    )
    gains = measured_gains(experiment, predicted, plan.sign)
    ranked = policies(predicted, fold, gains, plan.seed)
    judgement = judge(gains, ranked, experiment.keys, plan.seed)
    uplift = _described(experiment, predicted, gains, judgement, plan)

    tell("Fitting all of it", FITTING)
    ebm = fit_effects(experiment, np.arange(len(experiment.arm)), seed=plan.seed, effort=plan.effort)

    tell("Exporting, writing the report", RELEASING)
    report = {
        "warning": None if experiment.is_randomised else NOT_RANDOMISED,
        "table": table,
        "uplift": uplift,
        "standings": [asdict(standing) for standing in judgement.standings],
        "oracle": None if truth is None else _oracle(truth, ranked, plan.sign),
        "dropped": dict(experiment.dropped),
        "features": [feature.name for feature in experiment.features if feature.name != ARM],
        "spread": _spread(predicted, experiment.arms),
    }
    given = predicted.probabilities[np.arange(len(experiment.arm)), experiment.arm]
    model = export(ebm, experiment.features)
    directory = release(
        experiment, ebm, model, purpose=purpose, seed=plan.seed, out=out, uplift=uplift, report=report, unseen=given
    )
    return Learned(directory, uplift, predicted)


def _described(
    experiment: Experiment, predicted: Effects, gains: Floats, judgement: Judgement, plan: Plan
) -> dict[str, Any]:
    effects = average_effects(gains, predicted, experiment)
    return {
        "control": experiment.arms[0],
        "goal": plan.goal,
        "is_randomised": experiment.is_randomised,
        "beats_risk": experiment.is_randomised and judgement.gap.low > 0,
        "qini": {standing.name: asdict(standing.qini) for standing in judgement.standings},
        "gap": asdict(judgement.gap),
        "arms": {
            arm: {
                "gain": asdict(effects[arm][0]),
                "share": asdict(effects[arm][1]),
                "rows": int((experiment.arm == place).sum()),
                "outcomes": int(experiment.outcomes[experiment.arm == place].sum()),
                "reliability": _reliability(predicted.gains[:, place], gains[:, place]),
            }
            for place, arm in enumerate(experiment.arms)
            if place
        },
    }


def _reliability(predicted: Floats, measured: Floats) -> list[dict[str, Any]]:
    """Compare predicted with measured gains in bins of about as many rows each."""
    cuts = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]))
    places = np.searchsorted(cuts, predicted, side="right")
    found = []
    for place in np.unique(places):
        rows = places == place
        mean, error = float(measured[rows].mean()), float(measured[rows].std() / np.sqrt(rows.sum()))
        reach = REACH * error
        found.append(
            {
                "upto": float(cuts[place]) if place < len(cuts) else None,
                "predicted": float(predicted[rows].mean()),
                "measured": asdict(Measure(mean, mean - reach, mean + reach)),
                "rows": int(rows.sum()),
            }
        )
    return found


def _oracle(truth: Floats, ranked: Any, sign: int) -> dict[str, list[float]]:
    """What each policy, and one that knows the truth, would bring at each per cent treated, in truth."""
    gains = over_control(truth, sign)
    best = gains[:, 1:].argmax(axis=1) + 1
    orders = {policy.name: (policy.ranks, policy.arms) for policy in ranked}
    orders["oracle"] = (gains[np.arange(len(best)), best], best)
    share = np.linspace(0, 1, 101)
    curves = {}
    for name, (ranks, arms) in orders.items():
        taken = gains[np.arange(len(arms)), arms][np.argsort(-ranks, kind="stable")]
        reached = np.linspace(0, 1, len(taken) + 1)
        curves[name] = np.interp(share, reached, np.concatenate([[0.0], np.cumsum(taken)]) / len(taken)).tolist()
    return curves


def _spread(predicted: Effects, arms: tuple[str, ...]) -> dict[str, list[float]]:
    """Each arm's predicted gains at every twentieth of the rows: who is helped, and who is harmed."""
    return {
        arm: np.quantile(predicted.gains[:, place], np.linspace(0, 1, 21)).tolist()
        for place, arm in enumerate(arms)
        if place
    }
