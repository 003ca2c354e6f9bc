"""A model file is known by its parts before anything opens it (P6)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from app.ml.graph import MOST_PARTS, OPSETS, check_graph
from app.ml.training import export
from tests.factories.candidates import FORBIDDEN, Change, changed


def refused(model: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_graph(model)


def hold_two_graphs(model: onnx.ModelProto) -> bytes:
    # protobuf would merge the two; written twice in one file, each reader may see something else.
    return bytes(model.SerializeToString() + onnx.ModelProto(graph=model.graph).SerializeToString())


def hold_no_graph(model: onnx.ModelProto) -> bytes:
    model.ClearField("graph")
    return bytes(model.SerializeToString())


def carry_training_steps(model: onnx.ModelProto) -> bytes:
    model.training_info.append(onnx.TrainingInfoProto())
    return bytes(model.SerializeToString())


def hold_sparse_tensors(model: onnx.ModelProto) -> bytes:
    values = numpy_helper.from_array(np.array([1.0]), "sparse")
    indices = numpy_helper.from_array(np.array([0]), "indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [10**9]))
    return bytes(model.SerializeToString())


def hide_a_tensor_in_an_attribute(model: onnx.ModelProto) -> bytes:
    model.graph.node[1].attribute.append(helper.make_attribute("more", numpy_helper.from_array(np.zeros(3), "hidden")))
    return bytes(model.SerializeToString())


def define_an_operator_anew(model: onnx.ModelProto) -> bytes:
    node = helper.make_node("Tanh", ["x"], ["y"])
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "Sigmoid", ["x"], ["y"], [node], opsets))
    return bytes(model.SerializeToString())


def describe_itself_at_length(model: onnx.ModelProto) -> bytes:
    helper.set_model_props(model, {"key": "value"})
    return bytes(model.SerializeToString())


def be_two_operators_at_once(model: onnx.ModelProto) -> bytes:
    # A node of two names: concatenated messages merge, and the last name would win.
    node = model.graph.node[-1]
    twice = node.SerializeToString() + onnx.NodeProto(op_type="Loop").SerializeToString()
    assert onnx.NodeProto.FromString(twice).op_type == "Loop"
    rest = onnx.ModelProto.FromString(model.SerializeToString())
    del rest.graph.node[-1]
    whole = rest.graph.SerializeToString() + b"\x0a" + bytes([len(twice)]) + twice
    del rest.graph.node[:]
    rest.ClearField("graph")
    return bytes(rest.SerializeToString() + b"\x3a" + _length(len(whole)) + whole)


def have_a_million_nodes(model: onnx.ModelProto) -> bytes:
    node = model.graph.node[-2].SerializeToString()
    graph = model.graph.SerializeToString() + (b"\x0a" + bytes([len(node)]) + node) * MOST_PARTS
    return bytes(b"\x3a" + _length(len(graph)) + graph)


def import_no_version(model: onnx.ModelProto) -> bytes:
    model.opset_import[0].ClearField("version")
    return bytes(model.SerializeToString())


def _length(size: int) -> bytes:
    low = []
    while size >= 0x80:
        low.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*low, size])


def test_what_we_export_passes(model: bytes) -> None:
    check_graph(model)
    assert dict(export.OPSETS) == OPSETS


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_what_no_exported_model_has_is_refused_by_name(directory: Path, kind: str) -> None:
    change, reason = FORBIDDEN[kind]
    refused(changed(directory, change), reason)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (hold_no_graph, "no graph"),
        (hold_two_graphs, "the model has two"),
        (carry_training_steps, "training steps"),
        (hold_sparse_tensors, "sparse tensors"),
        (hide_a_tensor_in_an_attribute, "a node holds a tensor"),
        (define_an_operator_anew, "it defines functions"),
        (describe_itself_at_length, "the model has a part that no exported model has"),
        (be_two_operators_at_once, "a node has two"),
        (have_a_million_nodes, "more parts"),
        (import_no_version, "an opset of ai.onnx"),
    ],
)
def test_a_file_that_could_be_read_in_two_ways_or_holds_more_is_refused(
    model: bytes, build: Callable[[onnx.ModelProto], bytes], reason: str
) -> None:
    refused(build(onnx.load_from_string(model)), reason)


def test_an_operator_is_named_only_if_it_is_a_plain_word(directory: Path) -> None:
    def rename(name: str) -> Change:
        return lambda model: setattr(model.graph.node[-1], "op_type", name)

    refused(changed(directory, rename("ConstantOfShape")), "^it uses ConstantOfShape,")
    refused(changed(directory, rename("Tanh")), "^it uses Tanh,")
    refused(changed(directory, rename("<script>")), "^it uses an operator,")
    refused(changed(directory, rename("A" * 33)), "^it uses an operator,")


@pytest.mark.parametrize("text", [b"", b"\x00", b"\xff" * 64, b"PK\x03\x04", b"{}", b"\x3a\xff\xff\xff\xff\x0f"])
def test_what_is_no_model_file_is_refused(text: bytes) -> None:
    refused(text, "it|the model")


def test_a_file_that_ends_too_early_is_refused_wherever_it_ends(model: bytes) -> None:
    for end in range(0, len(model), max(1, len(model) // 300)):
        refused(model[:end], "cut short|holds no graph")


@given(data=st.data())
def test_no_damage_makes_the_walk_fail_otherwise_than_by_refusing(model: bytes, data: st.DataObject) -> None:
    place = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(model) - 1)))
    damage = data.draw(st.binary(min_size=1, max_size=12))
    try:
        check_graph(model[:place] + damage + model[place + len(damage) :])
    except ValueError as refusal:
        assert len(str(refusal)) < 100  # noqa: PT017  # most damage is refused, some does no harm
