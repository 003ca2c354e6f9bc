"""Which features stay, and the sentence for each one that does not (C3 to C6)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset
from app.ml.features import Contract, encode_many
from app.ml.training.cause_graph import CauseGraph, parse_cause_graph
from app.ml.training.dataset import learn_contract
from app.ml.training.selection import Dropped, Selection, select

ROWS = 3000
NO_CAUSES = CauseGraph({})
Columns = Mapping[str, NDArray[Any]]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(2)


def drawn(logits: NDArray[Any], random: np.random.Generator) -> NDArray[np.bool_]:
    left: NDArray[np.bool_] = random.random(len(logits)) < 1 / (1 + np.exp(-logits))
    return left


def chosen(
    columns: Columns,
    labels: NDArray[np.bool_],
    graph: CauseGraph = NO_CAUSES,
    *,
    categories: Sequence[str] = (),
    derived: Mapping[str, Sequence[str]] | None = None,
    keep: Sequence[str] = (),
) -> Selection:
    features = [Feature(name, FeatureType.CATEGORY if name in categories else FeatureType.NUMBER) for name in columns]
    matrix = np.column_stack(list(columns.values())).astype(np.float32)
    return select(matrix, labels, features, graph, derived=derived or {}, keep=frozenset(keep), seed=1)


def reasons(selection: Selection) -> dict[str, str]:
    return {dropped.name: dropped.why for dropped in selection.dropped}


@pytest.fixture
def faults(random: np.random.Generator) -> tuple[Columns, NDArray[np.bool_]]:
    """Faults make subscribers complain, and a complaint is the better sign that one will leave."""
    faults = random.poisson(1.0, ROWS)
    complaints = random.poisson(2.0 * faults)
    labels = drawn(0.2 * faults + 0.5 * complaints - 2.5, random)
    return {"network_fault": faults, "complaint": complaints, "tenure": random.normal(size=ROWS) - labels}, labels


def test_of_a_cause_and_its_effect_the_cause_stays_even_where_the_effect_predicts_better(
    faults: tuple[Columns, NDArray[np.bool_]],
) -> None:
    # C5, C6
    selection = chosen(*faults, parse_cause_graph("edges: [network_fault -> complaint]"))
    auc = {effect.name: effect.auc for effect in selection.effects}
    assert auc["complaint"] > auc["network_fault"]
    assert selection.kept == ("network_fault", "tenure")
    (dropped,) = selection.dropped
    assert (dropped.name, dropped.why, dropped.by) == ("complaint", "descendant", "network_fault")
    assert dropped.edge == "network_fault -> complaint"
    assert dropped.association
    assert dropped.association > 0.5
    for part in (
        "complaint is dropped because it is a descendant of network_fault (network_fault -> complaint)",
        f"association {dropped.association:.2f}",
        f"although complaint tells more about leaving (AUC {auc['complaint']:.3f} against {auc['network_fault']:.3f})",
    ):
        assert part in dropped.sentence


def test_reversing_the_edge_reverses_the_choice(faults: tuple[Columns, NDArray[np.bool_]]) -> None:
    # C6
    selection = chosen(*faults, parse_cause_graph("edges: [complaint -> network_fault]"))
    assert selection.kept == ("complaint", "tenure")
    assert selection.dropped[0].edge == "complaint -> network_fault"


def test_without_an_edge_or_below_its_threshold_both_stay(faults: tuple[Columns, NDArray[np.bool_]]) -> None:
    # C5: nothing is dropped for going together alone
    for edges in ("edges: []", "{edges: [network_fault -> complaint], threshold: 0.95}", "edges: [complaint -> call]"):
        assert chosen(*faults, parse_cause_graph(edges)).dropped == ()


def test_a_forced_effect_stays_and_is_listed_with_its_edge(faults: tuple[Columns, NDArray[np.bool_]]) -> None:
    columns, labels = faults
    nearly = columns["network_fault"] + np.random.default_rng(1).normal(0, 0.2, ROWS)
    graph = parse_cause_graph("edges: [network_fault -> alarms]")
    selection = chosen({**columns, "alarms": nearly}, labels, graph, keep=["alarms"])
    assert "alarms" in selection.kept
    edges = {(pair.one, pair.other): pair.edge for pair in selection.collinear}
    assert edges["network_fault", "alarms"] == "network_fault -> alarms"
    assert edges["network_fault", "complaint"] is None


def test_an_effect_goes_along_a_path_whose_middle_the_table_lacks(faults: tuple[Columns, NDArray[np.bool_]]) -> None:
    # C6: unknown names are fine
    selection = chosen(*faults, parse_cause_graph("edges: [network_fault -> outage, outage -> complaint]"))
    assert selection.dropped[0].edge == "network_fault -> outage -> complaint"


def test_a_cause_that_is_itself_dropped_takes_nothing_with_it(random: np.random.Generator) -> None:
    # C5: the third goes with the second, which goes, but hardly with the first, which stays
    first = random.normal(size=ROWS)
    second = first + random.normal(size=ROWS)
    third = second - first + random.normal(size=ROWS) * 0.5
    labels = drawn(first + third - 1, random)
    graph = parse_cause_graph("edges: [first -> second, second -> third]")
    selection = chosen({"third": third, "second": second, "first": first}, labels, graph)
    assert selection.kept == ("third", "first")


def test_a_cause_stands_in_for_its_effect_though_it_tells_nothing_itself(random: np.random.Generator) -> None:
    # C5: what the effect tells is its other half
    fault, mood = random.normal(size=ROWS), random.normal(size=ROWS)
    columns = {"fault": fault, "complaint": fault + mood, "tenure": random.normal(size=ROWS)}
    labels = drawn(mood * 2 + columns["tenure"], random)
    selection = chosen(columns, labels, parse_cause_graph("edges: [fault -> complaint]"))
    assert selection.kept == ("fault", "tenure")


def test_causes_work_between_categories_and_numbers(random: np.random.Generator) -> None:
    fault = random.integers(1, 4, ROWS)
    complaints = fault + random.normal(0, 0.4, ROWS)
    labels = drawn(fault - 3.0, random)
    graph = parse_cause_graph("edges: [fault -> complaints]")
    assert chosen({"complaints": complaints, "fault": fault}, labels, graph, categories=["fault"]).kept == ("fault",)


def test_noise_is_dropped_by_name(random: np.random.Generator) -> None:
    # C4
    columns = {
        "noise": random.normal(size=ROWS),
        "tenure": random.normal(size=ROWS),
        "colour": random.integers(1, 6, ROWS),
    }
    selection = chosen(columns, drawn(columns["tenure"], random), categories=["colour"])
    assert selection.kept == ("tenure",)
    assert reasons(selection) == {"noise": "irrelevant", "colour": "irrelevant"}
    assert {one.name: one.sentence for one in selection.dropped}["noise"].startswith("noise has nothing to do with")


def test_what_matters_only_together_stays(random: np.random.Generator) -> None:
    # C4: either of the two tells nothing alone
    one, other = random.integers(0, 2, (2, ROWS))
    labels = drawn(np.where(one == other, -2.5, 0.5), random)
    selection = chosen({"one": one, "noise": random.normal(size=ROWS), "other": other}, labels)
    assert selection.kept == ("one", "other")
    assert all(effect.p_value > 0.01 for effect in selection.effects)


def test_something_always_stays(random: np.random.Generator) -> None:
    columns = {name: random.normal(size=ROWS) for name in "abc"}
    selection = chosen(columns, random.random(ROWS) < 0.3)
    (kept,) = selection.kept
    assert kept == min(selection.effects, key=lambda effect: effect.p_value).name
    assert chosen(columns, random.random(ROWS) < 0.3, keep="ab").kept == ("a", "b")


def test_of_duplicates_the_first_stays_and_is_named(random: np.random.Generator) -> None:
    minutes = random.normal(size=ROWS)
    columns = {"minutes": minutes, "charge": minutes * 0.17, "left_over": -minutes, "other": minutes**2}
    selection = chosen(columns, drawn(minutes + minutes**2, random))
    assert selection.kept == ("minutes", "other")
    assert [(dropped.name, dropped.why, dropped.by) for dropped in selection.dropped] == [
        ("charge", "duplicate", "minutes"),
        ("left_over", "duplicate", "minutes"),
    ]
    assert selection.dropped[1].association == pytest.approx(-1)
    assert chosen(columns, drawn(minutes, random), keep=["charge"]).kept[0] == "charge"


def test_of_a_category_and_what_follows_from_it_the_finer_stays(random: np.random.Generator) -> None:
    lines = random.integers(1, 4, ROWS)
    columns = {"has_line": lines > 1, "lines": lines}
    selection = chosen(columns, drawn(lines - 2.0, random), categories=["has_line", "lines"])
    assert selection.kept == ("lines",)
    assert reasons(selection) == {"has_line": "duplicate"}


def test_a_duplicate_that_is_known_where_the_other_is_blank_stays(random: np.random.Generator) -> None:
    minutes = random.normal(size=ROWS)
    patchy = np.where(random.random(ROWS) < 0.5, np.nan, minutes)
    assert chosen({"patchy": patchy, "full": minutes}, drawn(minutes, random)).kept == ("patchy", "full")


def test_between_duplicates_an_edge_decides(random: np.random.Generator) -> None:
    # C6: even where one is the other to the digit
    faults = random.poisson(3, ROWS)
    columns = {"complaint": faults, "network_fault": faults}
    selection = chosen(columns, drawn(faults - 3.0, random), parse_cause_graph("edges: [network_fault -> complaint]"))
    assert selection.kept == ("network_fault",)
    assert reasons(selection) == {"complaint": "descendant"}


def calls(random: np.random.Generator, *, hidden: bool) -> tuple[Columns, NDArray[np.bool_]]:
    """Incoming and outgoing minutes and their ratio; who leaves in secret is seen by the ratio alone (D11)."""
    volume = random.normal(size=ROWS)
    incoming, outgoing = np.exp(volume + random.normal(0, 0.3, ROWS)), np.exp(volume + random.normal(0, 0.3, ROWS))
    ratio = incoming / outgoing
    labels = drawn(3 * np.log(ratio) - 1 if hidden else -outgoing, random)
    return {"incoming": incoming, "outgoing": outgoing, "in_out_ratio": ratio}, labels


RATIO = {"in_out_ratio": ("incoming", "outgoing", "elsewhere")}


def test_raw_features_that_hide_a_driver_give_way_to_their_ratio(random: np.random.Generator) -> None:
    selection = chosen(*calls(random, hidden=True), derived=RATIO)
    assert selection.kept == ("in_out_ratio",)
    assert reasons(selection) == {"incoming": "gives_way", "outgoing": "gives_way"}
    assert all(dropped.by == "in_out_ratio" for dropped in selection.dropped)
    assert "tells more about leaving than its parts" in selection.dropped[0].sentence
    assert chosen(*calls(random, hidden=True), derived=RATIO, keep=["incoming"]).kept == ("incoming", "in_out_ratio")


def test_a_ratio_that_tells_less_than_its_parts_stays_out(random: np.random.Generator) -> None:
    columns, labels = calls(random, hidden=False)
    selection = chosen(columns, labels, derived=RATIO)
    assert selection.kept == ("incoming", "outgoing")
    assert reasons(selection) == {"in_out_ratio": "gives_way"}
    assert selection.dropped[0].sentence.startswith("in_out_ratio tells less about leaving than its part outgoing (AUC")


def test_a_derived_feature_that_replaces_nothing_is_one_like_any_other(random: np.random.Generator) -> None:
    columns, labels = calls(random, hidden=True)
    selection = chosen(columns, labels, derived={"in_out_ratio": (), "absent": ("incoming",)})
    assert "gives_way" not in reasons(selection).values()
    assert "in_out_ratio" in selection.kept


def test_the_public_sample_keeps_all_but_what_another_column_says(telco: Dataset) -> None:
    features = learn_contract(telco)
    matrix = encode_many(Contract.of(features), telco.columns)
    selection = select(matrix, telco.labels, features, NO_CAUSES, derived={}, seed=7)
    assert [(dropped.name, dropped.by) for dropped in selection.dropped] == [("phone_service", "multiple_lines")]
    assert selection.effects[0].name == "contract"
    assert {(pair.one, pair.other) for pair in selection.collinear} >= {("tenure_months", "total_charges")}


def test_the_same_rows_and_seed_give_the_same_choice(faults: tuple[Columns, NDArray[np.bool_]]) -> None:
    # C1
    assert chosen(*faults) == chosen(*faults)


def test_the_evidence_is_complete_and_can_be_written_as_json(random: np.random.Generator) -> None:
    # C2, C3
    columns = {f"x{index}": random.normal(size=200) for index in range(61)}
    selection = chosen(columns, drawn(columns["x5"] * 2, random))
    written = json.loads(json.dumps(asdict(selection), allow_nan=False))
    values = [effect["information_value"] for effect in written["effects"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 61
    assert written["associations"]["names"] == [effect["name"] for effect in written["effects"][:60]]
    assert np.shape(written["associations"]["values"]) == (60, 60)
    assert set(selection.kept) | {dropped.name for dropped in selection.dropped} == columns.keys()
    assert set(written["dropped"][0]) == set(Dropped.__slots__)
