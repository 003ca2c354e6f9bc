"""Which features a model is made from, and a sentence for each one left out that a manager can check.

The rules run in order, each on what the ones before left: of duplicates one stays; raw features give way to their
ratio, or it to them; of a cause and its collinear effect the cause stays; what has nothing to do with leaving goes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.ml.training.associations import associate, sample
from app.ml.training.cause_graph import ARROW, CauseGraph
from app.ml.training.effects import Effect, permutation_importance, univariate_effects
from app.ml.training.logistic import unseen_losses

SAME = 0.999
LISTED = 0.8
CHANCE = 0.01
ERRORS = 2
ENOUGH_LEAVERS = 500
MOST_SHOWN = 60

Why = Literal["protected", "constant", "identifier", "duplicate", "gives_way", "descendant", "irrelevant"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """One feature left out; `by` is the one it left for, `edge` the path of the cause graph that was used."""

    name: str
    why: Why
    sentence: str
    edge: str | None = None
    by: str | None = None
    association: float | None = None


@dataclass(frozen=True, slots=True)
class Associations:
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Collinear:
    """Two features that both stay and go together closely: the cause graph may say which of them is the cause."""

    one: str
    other: str
    association: float
    edge: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """What stays, in the table's order; what went and why; the evidence: effects by falling information value."""

    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    effects: tuple[Effect, ...]
    associations: Associations
    collinear: tuple[Collinear, ...]


class _Evidence:
    """What the rules look at, by the features' names."""

    def __init__(
        self, matrix: NDArray[np.float32], labels: NDArray[np.bool_], features: Sequence[Feature], seed: int
    ) -> None:
        self.effects = {effect.name: effect for effect in univariate_effects(matrix, labels, features, seed=seed)}
        self._associations = associate(matrix, features, seed=seed)
        self._index = {feature.name: index for index, feature in enumerate(features)}
        self._matrix = matrix
        self._features = features

    def association(self, one: str, other: str) -> float:
        return float(self._associations[self._index[one], self._index[other]])

    def column(self, name: str) -> NDArray[np.float32]:
        return self._matrix[:, self._index[name]]

    def auc(self, name: str) -> float:
        return self.effects[name].auc

    def measure_importance(self, names: Sequence[str], labels: NDArray[np.bool_], seed: int) -> None:
        """Add what each of these features is worth to a model of them all."""
        matrix = self._matrix[:, [self._index[name] for name in names]]
        for name, value, error in zip(names, *permutation_importance(matrix, labels, seed=seed), strict=True):
            effect = self.effects[name]
            self.effects[name] = replace(effect, importance=float(value), importance_error=float(error))

    def is_missed(self, names: Collection[str], among: Sequence[str], labels: NDArray[np.bool_], seed: int) -> bool:
        """Say whether a linear model of `among` does worse without `names`, by more than chance.

        Chance is one standard error, and less in a table of few leavers, where what is noise cannot be known: there,
        to keep a feature for nothing costs less than to lose one that tells.
        """
        rows = sample(len(labels), seed)

        def found(kept: Sequence[str]) -> NDArray[np.float64]:
            columns = [self._index[name] for name in kept]
            features = [self._features[column] for column in columns]
            return unseen_losses(self._matrix[rows][:, columns], labels[rows], features, seed=seed)

        lost = found([name for name in among if name not in names]) - found(among)
        chance = min(1, int(labels.sum()) / ENOUGH_LEAVERS) * lost.std() / np.sqrt(len(rows))
        return bool(lost.mean() > chance)

    def strongest_associations(self) -> Associations:
        names = [effect.name for effect in self.by_information_value()[:MOST_SHOWN]]
        rows = [self._index[name] for name in names]
        values = self._associations[np.ix_(rows, rows)].tolist()
        return Associations(tuple(names), tuple(map(tuple, values)))

    def by_information_value(self) -> list[Effect]:
        return sorted(self.effects.values(), key=lambda effect: -effect.information_value)


def select(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    features: Sequence[Feature],
    graph: CauseGraph,
    *,
    derived: Mapping[str, Sequence[str]],
    seed: int,
    keep: frozenset[str] = frozenset(),
) -> Selection:
    """Choose among the columns of encoded rows [N, features], of which each class has two at least.

    `derived` names the ratios, each with the raw features that it may replace. A feature in `keep` always stays, and if
    all would go, the one with the least p-value stays. Equal rows, in the same order, and seed give an equal choice.
    """
    evidence = _Evidence(matrix, labels, features, seed)
    names = [feature.name for feature in features]
    dropped = _duplicates(names, evidence, graph, keep)
    dropped += _ratios(_staying(names, dropped), evidence, derived, keep)
    descendants = _descendants(_staying(names, dropped), evidence, graph, keep)
    dropped += descendants
    evidence.measure_importance(_staying(names, dropped), labels, seed)
    forced = keep | _standing_in(descendants, evidence)
    dropped += _irrelevant(_staying(names, dropped), evidence, forced, labels, seed)
    kept = _staying(names, dropped)
    return Selection(
        tuple(kept),
        tuple(dropped),
        tuple(evidence.by_information_value()),
        evidence.strongest_associations(),
        _collinear(kept, evidence, graph),
    )


def _staying(names: Sequence[str], dropped: Iterable[Dropped]) -> list[str]:
    gone = {one.name for one in dropped}
    return [name for name in names if name not in gone]


def _duplicates(names: Sequence[str], evidence: _Evidence, graph: CauseGraph, keep: frozenset[str]) -> list[Dropped]:
    dropped: dict[str, Dropped] = {}
    for pair in combinations(sorted(names, key=lambda name: name not in keep), 2):
        association = evidence.association(*pair)
        if abs(association) < SAME or not dropped.keys().isdisjoint(pair) or _edge(graph, *pair):
            continue  # where the graph knows the two, it decides below which of them goes
        stays, goes = _finer_first(*pair, evidence)
        if goes not in keep and _blank_alike(*pair, evidence):
            sentence = f"{goes} says nothing that {stays} does not say (association {association:.3f})."
            dropped[goes] = Dropped(goes, "duplicate", sentence, by=stays, association=association)
    return list(dropped.values())


def _finer_first(one: str, other: str, evidence: _Evidence) -> tuple[str, str]:
    """Put the one that stays first: that with more values where a category is involved, else the earlier.

    "Has a line" follows from "one line, two lines, none", and not the other way round, though V is 1 for the pair.
    """
    if evidence.effects[one].type is evidence.effects[other].type is FeatureType.NUMBER:
        return one, other
    first, second = (len(np.unique(evidence.column(name))) for name in (one, other))
    return (other, one) if second > first else (one, other)


def _blank_alike(one: str, other: str, evidence: _Evidence) -> bool:
    """Say whether both are blank in the same rows, but for one in a thousand: else one tells what the other lacks."""
    return float((np.isnan(evidence.column(one)) == np.isnan(evidence.column(other))).mean()) >= SAME


def _ratios(
    names: Sequence[str], evidence: _Evidence, derived: Mapping[str, Sequence[str]], keep: frozenset[str]
) -> list[Dropped]:
    dropped: list[Dropped] = []
    for ratio, raw in derived.items():
        staying = _staying(names, dropped)
        parts = [name for name in raw if name in staying]
        if ratio not in staying or not parts:
            continue
        best = max(parts, key=evidence.auc)
        auc, most = evidence.auc(ratio), evidence.auc(best)
        if auc > most:
            dropped += [
                Dropped(
                    part,
                    "gives_way",
                    f"{part} gives way to {ratio}, which tells more about leaving than its parts (AUC {auc:.3f}"
                    f" against at most {most:.3f}).",
                    by=ratio,
                    association=evidence.association(ratio, part),
                )
                for part in parts
                if part not in keep
            ]
        elif ratio not in keep:
            sentence = f"{ratio} tells less about leaving than its part {best} (AUC {auc:.3f} against {most:.3f})."
            association = evidence.association(ratio, best)
            dropped.append(Dropped(ratio, "gives_way", sentence, by=best, association=association))
    return dropped


def _descendants(names: Sequence[str], evidence: _Evidence, graph: CauseGraph, keep: frozenset[str]) -> list[Dropped]:
    """Drop what follows from a collinear cause that stays; causes are settled before their effects."""
    dropped: list[Dropped] = []
    for name in sorted(set(names) - keep, key=lambda name: (len(graph.ancestors(name)), names.index(name))):
        causes = [
            cause
            for cause in _staying(names, dropped)
            if abs(evidence.association(cause, name)) >= graph.threshold and graph.path(cause, name)
        ]
        if causes:
            cause = max(causes, key=lambda cause: abs(evidence.association(cause, name)))
            dropped.append(_descendant(name, cause, evidence, ARROW.join(graph.path(cause, name))))
    return dropped


def _descendant(name: str, cause: str, evidence: _Evidence, edge: str) -> Dropped:
    association = evidence.association(cause, name)
    although = "although" if evidence.auc(name) > evidence.auc(cause) else "and"
    more = "more" if evidence.auc(name) > evidence.auc(cause) else "no more"
    sentence = (
        f"{name} is dropped because it is a descendant of {cause} ({edge}) and goes together with it (association"
        f" {association:.2f}): the cause stays, {although} {name} tells {more} about leaving"
        f" (AUC {evidence.auc(name):.3f} against {evidence.auc(cause):.3f})."
    )
    return Dropped(name, "descendant", sentence, edge=edge, by=cause, association=association)


def _standing_in(descendants: Sequence[Dropped], evidence: _Evidence) -> frozenset[str]:
    """Name the causes that stay for an effect which tells something: without them, it would be lost altogether."""
    return frozenset(one.by for one in descendants if one.by and evidence.effects[one.name].p_value <= CHANCE)


def _irrelevant(
    names: Sequence[str], evidence: _Evidence, keep: frozenset[str], labels: NDArray[np.bool_], seed: int
) -> list[Dropped]:
    """Drop what has nothing to do with leaving, alone or together with others, but not everything.

    A small table cannot tell a weak feature from noise, yet several weak ones together may tell a good deal: while a
    linear model misses those that look like noise, the better half of them stays.
    """
    noise = [effect for name in names if name not in keep and _is_noise(effect := evidence.effects[name])]
    noise.sort(key=lambda effect: -effect.p_value)
    if len(noise) == len(names):
        noise.pop()
    while noise and evidence.is_missed([effect.name for effect in noise], names, labels, seed):
        noise = noise[: len(noise) // 2]
    return [
        Dropped(
            effect.name,
            "irrelevant",
            f"{effect.name} has nothing to do with leaving: alone it tells no more than chance (p"
            f" {effect.p_value:.2f}), and no model misses it.",
        )
        for effect in noise
    ]


def _is_noise(effect: Effect) -> bool:
    return effect.p_value > CHANCE and effect.importance <= ERRORS * effect.importance_error


def _collinear(kept: Sequence[str], evidence: _Evidence, graph: CauseGraph) -> tuple[Collinear, ...]:
    pairs = [
        Collinear(one, other, association, _edge(graph, one, other))
        for one, other in combinations(kept, 2)
        if abs(association := evidence.association(one, other)) >= LISTED
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.association)))


def _edge(graph: CauseGraph, one: str, other: str) -> str | None:
    """Return the path between two features, whichever is the cause, or None."""
    return ARROW.join(graph.path(one, other) or graph.path(other, one)) or None
