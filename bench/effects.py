"""What the models of effects and the evaluations find, on worlds whose truth is known and on a public trial.

The worlds' seeds are used nowhere else. STAYLINE_HILLSTROM_CSV names the public e-mail trial, which is not shipped.
"""

import csv
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet
from sklearn.metrics import roc_auc_score

from app.demo.operator.mechanisms import ARMS, CONTROL, MECHANISMS, QUIET, SLEEPING_DOG
from app.demo.operator.tables import World, simulate
from app.domain.evaluations import over_time
from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset
from app.ml.features import Contract, encode_many
from app.ml.training.dataset import learn_contract
from app.ml.training.export import terms_of
from app.ml.training.fit import Effort, fit
from app.ml.training.uplift.effects import fit_effects, predict
from app.ml.training.uplift.experiment import Assignment, Experiment, experiment_of
from bench.service import Row

SEEDS: Final = (9101, 9102, 9103)
BUDGET: Final = 0.1
DISCOUNT: Final = "discount"
NOT_FEATURES: Final = ("subscriber_id", "group_id", "as_of", "treated_on", "arm", "left", "left_on")
CAMPAIGNS: Final = 1000
DAYS: Final = 90
EFFORT: Final = Effort(interactions=5, max_bins=32, pair_bins=16, outer_bags=4)
Floats = NDArray[np.float64]


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _worlds(Path(folder))
    yield from _campaigns()
    if path := os.environ.get("STAYLINE_HILLSTROM_CSV"):
        yield from _hillstrom(Path(path))


def _worlds(folder: Path) -> Iterator[Row]:
    begun = time.monotonic()
    for number in (*SEEDS, *(seed + 1000 for seed in SEEDS)):
        simulate(World(seed=number), folder / str(number))
    seconds = (time.monotonic() - begun) / (2 * len(SEEDS))
    yield "a world of 30,000 subscribers and 6 months", "60 s", f"{seconds:.1f} s"
    for seed in SEEDS:
        yield from _policy(folder / str(seed), folder / str(seed + 1000), seed)
        yield from _churn(folder / str(seed), folder / str(seed + 1000), seed)


def _policy(learned_in: Path, tried_in: Path, seed: int) -> Iterator[Row]:
    """Learn from one world's trial, and treat a tenth of another's subscribers."""
    learned, tried = _experiment(learned_in), _experiment(tried_in)
    ebm = fit_effects(learned, np.arange(len(learned.arm)), seed=seed)
    found = predict(ebm, tried, np.arange(len(tried.arm)), -1)
    truth = _truth(tried_in, tried.dataset.ids)
    chances = np.column_stack([truth[f"p_{arm}"] for arm in tried.arms])
    gains, count = chances[:, :1] - chances, int(BUDGET * len(chances))
    best = found.gains[:, 1:].argmax(axis=1) + 1
    treated = np.argsort(-found.gains[np.arange(len(best)), best], kind="stable")[:count]
    ours = gains[treated, best[treated]].sum()
    risk = gains[np.argsort(-found.probabilities[:, 0], kind="stable")[:count], tried.arms.index(DISCOUNT)].sum()
    oracle = np.sort(gains.max(axis=1))[::-1][:count].sum()
    dogs = (np.array(truth["mechanism"])[treated] == SLEEPING_DOG.name).mean()
    yield f"world {seed}, 10 % treated: churn prevented against risk + discount", "≥ 2.2", f"{ours / risk:.2f}"
    yield f"world {seed}: of what the oracle prevents", "≥ .80", f"{ours / oracle:.3f}"
    yield f"world {seed}: sleeping dogs among the treated", "≤ 1 %", f"{dogs:.2%}"


def _churn(learned_in: Path, tried_in: Path, seed: int) -> Iterator[Row]:
    """A churn model of one world's panel: its AUROC in another, and whether it names the mechanisms that act there."""
    learned, tried = (_dataset(folder / "panel.parquet") for folder in (learned_in, tried_in))
    features = tuple(Feature(**{**_fields(one), "nullable": True}) for one in learn_contract(learned))
    matrix, others = (encode_many(Contract.of(features), one.columns) for one in (learned, tried))
    ebm = fit(matrix, learned.labels, features, seed=seed, effort=EFFORT)
    truth = _truth(tried_in, tried.ids, tried.dates)
    probability = ebm.predict_proba(others)[:, 1]
    auroc, oracle = (float(roc_auc_score(tried.labels, one)) for one in (probability, truth["probability"]))
    yield f"world {seed}: AUROC − the oracle's {oracle:.3f}", "≤ +.01", f"{auroc - oracle:+.3f}"
    shares = np.zeros((len(terms_of(ebm)), len(features)))
    for index, term in enumerate(terms_of(ebm)):
        shares[index, term] = 1 / len(term)
    top = np.argsort(-(ebm.eval_terms(others) @ shares), axis=1)[:, :3]
    names = np.array([feature.name for feature in features])[top]
    found = {}
    for mechanism in MECHANISMS:
        if mechanism in (QUIET, SLEEPING_DOG):  # nothing drives the ones, a contact the others
            continue
        leavers = tried.labels & (np.array(truth["mechanism"]) == mechanism.name)
        found[mechanism.name] = float(np.isin(names[leavers], list(mechanism.drivers)).any(axis=1).mean())
    least = min(found, key=found.__getitem__)
    yield f"world {seed}: true driver among the top 3 of its leavers (least: {least})", "≥ .95", f"{found[least]:.3f}"


def _campaigns() -> Iterator[Row]:
    """Campaigns that do nothing, and some that do, looked at every day."""
    alarms = sum(_ever_outside(seed, 0.08, 0.08, 0.0) for seed in range(CAMPAIGNS))
    yield (
        f"{CAMPAIGNS:,} A/A campaigns looked at daily for {DAYS} days: false alarms",
        "≤ 5 %",
        f"{alarms / CAMPAIGNS:.1%}",
    )
    missed = sum(_ever_outside(seed, 0.05, 0.08, 0.03) for seed in range(CAMPAIGNS))
    yield "a planted effect of 3 pp inside its interval on every day", "≥ 94 %", f"{1 - missed / CAMPAIGNS:.1%}"


def _ever_outside(seed: int, treated: float, holdout: float, effect: float) -> bool:
    chance = random.Random(seed)  # noqa: S311  # a simulation
    left = [
        Counter(chance.randrange(DAYS) for _ in range(2000) if chance.random() < rate) for rate in (treated, holdout)
    ]
    days = over_time(left[0], left[1], (2000, 2000), DAYS - 1)
    return any(not one.low <= effect * (day + 1) / DAYS <= one.high for day, one in days)


def _hillstrom(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for mail, bar in (("Womens E-Mail", 0.0060), ("Mens E-Mail", 0.0020)):
        chosen = [row for row in rows if row["segment"] in {mail, "No E-Mail"}]
        experiment = _mails(chosen, mail)
        found = np.array([_half_and_half(experiment, split) for split in range(10)])
        above = int((found[:, 0] > found[:, 1]).sum())
        name = f"Hillstrom, {mail}: Qini of uplift (risk: {found[:, 1].mean():.4f}), 10 half/half splits"
        yield name, f"≥ {bar:.4f}", f"{found[:, 0].mean():.4f}"
        yield f"Hillstrom, {mail}: splits above risk", "≥ 9" if mail.startswith("W") else "–", f"{above}"


def _half_and_half(experiment: Experiment, split: int) -> tuple[float, float]:
    order = np.random.default_rng(split).permutation(len(experiment.arm))
    half = len(order) // 2
    ebm = fit_effects(experiment, np.sort(order[:half]), seed=split)
    rows = order[half:]
    found = predict(ebm, experiment, rows, 1)
    return tuple(  # type: ignore[return-value]  # two of them
        _qini(ranks, experiment.outcomes[rows], experiment.arm[rows])
        for ranks in (found.gains[:, 1], found.probabilities[:, 0])
    )


def _qini(ranks: Floats, outcomes: NDArray[np.bool_], arm: NDArray[np.intp]) -> float:
    """The plain coefficient of a trial with two arms at even odds, without the help of any model (Radcliffe, 2007)."""
    order = np.argsort(-ranks, kind="stable")
    happened, treated = outcomes[order].astype(float), arm[order].astype(float)
    ours, theirs = np.cumsum(treated), np.cumsum(1 - treated)
    gained = np.cumsum(happened * treated) - np.cumsum(happened * (1 - treated)) * ours / np.maximum(theirs, 1)
    share = np.arange(1, len(order) + 1) / len(order)
    curve = 2 * gained / len(order)
    return float(np.trapezoid(curve - share * curve[-1], share))


def _mails(rows: Sequence[dict[str, str]], mail: str) -> Experiment:
    types = {"recency": FeatureType.NUMBER, "history": FeatureType.NUMBER} | dict.fromkeys(
        ("history_segment", "mens", "womens", "zip_code", "newbie", "channel"), FeatureType.CATEGORY
    )
    columns: dict[str, list[Any]] = {
        name: [float(row[name]) if type is FeatureType.NUMBER else row[name] for row in rows]
        for name, type in types.items()
    }
    features = tuple(Feature(name, type, None, None, None, (), nullable=True) for name, type in types.items())
    labels = np.array([row["visit"] == "1" for row in rows])
    dataset = Dataset([str(number) for number in range(len(rows))], features, columns, labels)
    even = {mail: [0.5] * len(rows), "No E-Mail": [0.5] * len(rows)}
    return experiment_of(dataset, Assignment([row["segment"] for row in rows], "No E-Mail", even))


def _experiment(folder: Path) -> Experiment:
    path = folder / "trial.parquet"
    log = parquet.read_table(path).to_pydict()
    assignment = Assignment(
        log["arm"], CONTROL, {arm: log[f"p_{arm}"] for arm in ARMS}, log["treated_on"], log["left_on"]
    )
    return experiment_of(_dataset(path), assignment)


def _dataset(path: Path) -> Dataset:
    table = parquet.read_table(path).to_pydict()
    types = {bool: FeatureType.BOOLEAN, str: FeatureType.CATEGORY, float: FeatureType.NUMBER, int: FeatureType.NUMBER}
    columns = {name: values for name, values in table.items() if name not in NOT_FEATURES and not name.startswith("p_")}
    features = tuple(
        Feature(name, types[type(values[0])], None, None, None, (), nullable=True) for name, values in columns.items()
    )
    labels = np.array([said == "yes" for said in table["left"]])
    return Dataset(table["subscriber_id"], features, columns, labels, table.get("as_of"), table["group_id"])


def _fields(feature: Feature) -> dict[str, Any]:
    return {name: getattr(feature, name) for name in ("name", "type", "unit", "minimum", "maximum", "levels")}


def _truth(folder: Path, ids: Sequence[str], dates: Sequence[Any] | None = None) -> dict[str, Any]:
    """The truth of each row: as of its day, or of the last day there is."""
    truth = parquet.read_table(folder / "truth.parquet").to_pydict()
    last = max(truth["as_of"])
    place = {key: row for row, key in enumerate(zip(truth["subscriber_id"], truth["as_of"], strict=True))}
    rows = [place[id, day] for id, day in zip(ids, dates or [last] * len(ids), strict=True)]
    return {name: [values[row] for row in rows] for name, values in truth.items()}
