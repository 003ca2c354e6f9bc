"""The file that says what causes what (C6)."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ml.training.cause_graph import CauseGraphRefused, parse_cause_graph, read_cause_graph, shipped_cause_graph

# B1 to B5: the 27 inputs of the default schema
TABLE_1 = {
    *("gender", "occupation", "region", "age", "payment_method", "customer_grade", "join_date", "vpmn_group_id"),
    *("avg_spend_6m", "avg_spend_3m", "call_forward_m3", "call_forward_m2", "call_forward_m0", "offnet_onnet_ratio"),
    *("missed_calls", "total_minutes", "roaming_count"),
    *("arrears_suspend_6m", "pay_method_change_3m", "payment_channel"),
    *("complaint_type", "complaint_severity", "network_fault_type"),
    *("operation_mode_change", "tariff_adjustment", "new_policy", "technology_change"),
}


def test_edges_and_threshold_are_read(tmp_path: Path) -> None:
    path = tmp_path / "causes.yaml"
    path.write_text("threshold: 0.7\nedges: ['fault -> complaint', complaint->call, fault -> outage]\n")
    graph = read_cause_graph(path)
    assert graph.threshold == 0.7
    assert graph.path("fault", "call") == ("fault", "complaint", "call")
    assert graph.path("call", "fault") == ()
    assert graph.path("fault", "fault") == ()
    assert graph.ancestors("call") == {"fault", "complaint"}
    assert graph.ancestors("weather") == set()


def test_a_path_is_the_shortest() -> None:
    graph = parse_cause_graph("edges: [a -> b, b -> c, a -> c, c -> d]")
    assert graph.path("a", "d") == ("a", "c", "d")
    assert graph.threshold == 0.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("edges: [a -> b, b -> c, c -> a]", "the edges run in a circle: "),
        ("edges: [a -> a]", "the edges run in a circle: a -> a"),
        ("edges: [a -> b -> c]", "edges.0: must be written as cause -> effect"),
        ("edges: [a -> b, a b]", "edges.1: must be written as cause -> effect"),
        ("edges: [[a, b]]", "edges.0: must be written as cause -> effect"),
        ("edges: [a -> ]", "edges.0: must be written as cause -> effect"),
        ("edges: a -> b", "edges: Input should be a valid list"),
        ("threshold: 0.5", "edges: Field required"),
        ("{edges: [], threshold: 0}", "threshold: Input should be greater than 0"),
        ("{edges: [], threshold: 1.5}", "threshold: Input should be less than or equal to 1"),
        ("{edges: [], threshold: .nan}", "threshold: Input should be"),
        ("{edges: [], threshold: yes}", "threshold: Input should be a valid number"),
        ("{edges: [], roots: []}", "roots: Extra inputs are not permitted"),
        ("edges: [a -> b]\nedges: [c -> d]", "a field stands twice"),
        ("", "must hold a list named edges"),
        ("- a -> b", "must hold a list named edges"),
        ("edges: [", "is not YAML"),
        ("edges: !!python/object:os.system []", "is not YAML"),
    ],
)
def test_a_file_that_says_something_else_is_refused_in_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "causes.yaml"
    path.write_text(text)
    with pytest.raises(CauseGraphRefused) as refusal:
        read_cause_graph(path)
    assert refusal.value.detail.startswith(f"{path}: {sentence}")
    assert "\n" not in refusal.value.detail


def test_a_circle_is_named_in_the_direction_of_its_edges() -> None:
    with pytest.raises(CauseGraphRefused) as refusal:
        parse_cause_graph("edges: [x -> a, a -> b, b -> c, c -> a]")
    names = refusal.value.detail.split(": ")[1].split(" -> ")
    assert names[0] == names[-1]
    assert set(pairwise(names)) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CauseGraphRefused, match="cannot be read"):
        read_cause_graph(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"edges: [caf\xe9 -> b]")
    with pytest.raises(CauseGraphRefused, match="UTF-8"):
        read_cause_graph(tmp_path / "latin.yaml")


def test_the_shipped_causes_are_among_the_inputs_of_the_default_schema() -> None:
    # C6: complaints follow network faults
    graph = shipped_cause_graph()
    named = {*graph.effects, *(effect for effects in graph.effects.values() for effect in effects)}
    assert named <= TABLE_1
    assert len(TABLE_1) == 27
    assert graph.path("network_fault_type", "complaint_type") == ("network_fault_type", "complaint_type")


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda edge: edge[0] < edge[1]), max_size=20))
def test_nothing_is_its_own_ancestor_and_ancestors_are_what_a_path_comes_from(edges: set[tuple[int, int]]) -> None:
    graph = parse_cause_graph(f"edges: {[f'n{cause} -> n{effect}' for cause, effect in edges]}")
    names = [f"n{index}" for index in range(9)]
    for name in names:
        assert name not in graph.ancestors(name)
        assert graph.ancestors(name) == {cause for cause in names if graph.path(cause, name)}
        assert all(graph.ancestors(cause) < graph.ancestors(name) for cause in graph.ancestors(name))
