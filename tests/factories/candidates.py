"""Bundles to be tried: honest ones that answer otherwise, and every kind that must be refused."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from app.ml.manifest import seal

Change = Callable[[ModelProto], None]


def put(source: Path, model: bytes, *, day: str = "20261104", **changes: Any) -> Path:
    """Register a bundle like `source` with another model, its manifest true to that but for `changes`."""
    sha256 = hashlib.sha256(model).hexdigest()
    fields = _fields(source) | {"version": f"{day}-{sha256[:12]}", "files": {"model.onnx": sha256}} | changes
    directory = source.with_name(fields["version"])
    directory.mkdir()
    (directory / "model.onnx").write_bytes(model)
    (directory / "manifest.json").write_bytes(seal(fields))
    return directory


def shifted(source: Path, by: float, **changes: Any) -> Path:
    """Register an honest model whose logits all lie `by` above those of `source`."""
    fields = _fields(source)
    model = changed(source, lambda graph: _shift(graph, by))
    canary = fields["canary"] | {"logits": [logit + by for logit in fields["canary"]["logits"]]}
    return put(source, model, **{"intercept": fields["intercept"] + by, "canary": canary} | changes)


def changed(source: Path, change: Change) -> bytes:
    """The model of `source` with a change made to it."""
    model = onnx.load_from_string((source / "model.onnx").read_bytes())
    change(model)
    return bytes(model.SerializeToString())


def initializer(model: ModelProto, name: str) -> TensorProto:
    found: TensorProto = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    return found


def rename_the_input(model: ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "inputs"


def widen_the_input(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value += 1


def take_doubles(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def ask_for_a_newer_opset(model: ModelProto) -> None:
    next(opset for opset in model.opset_import if not opset.domain).version = 22


def ask_for_external_data(model: ModelProto) -> None:
    scores = initializer(model, "scores")
    set_external_data(scores, "scores.bin")
    scores.ClearField("raw_data")


def use_a_domain_of_its_own(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("evil", 1))
    model.graph.node[-1].domain = "evil"


def answer_nan(model: ModelProto) -> None:
    scores = initializer(model, "scores")
    scores.CopyFrom(numpy_helper.from_array(np.full(scores.dims[0], np.nan), "scores"))


def answer_otherwise(model: ModelProto) -> None:
    _shift(model, 1e-6)


def allocate_a_gigabyte(model: ModelProto) -> None:
    shape = numpy_helper.from_array(np.array([2**27], np.int64), "shape")
    model.graph.initializer.append(shape)
    value = helper.make_tensor("value", TensorProto.DOUBLE, [1], [0.0])
    _add_to_the_logit(model, helper.make_node("ConstantOfShape", ["shape"], ["huge"], value=value))


def call_3000_functions(model: ModelProto) -> None:
    for number in range(3000):
        body = [helper.make_node("Add" if number == 0 else f"f{number - 1}", ["a", "b"][: 2 - (number > 0)], ["c"])]
        body[0].domain = "" if number == 0 else "local"
        body[0].input[:] = ["a", "a"] if number == 0 else ["a"]
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
        model.functions.append(helper.make_function("local", f"f{number}", ["a"], ["c"], body, opsets))
    model.opset_import.append(helper.make_opsetid("local", 1))
    _add_to_the_logit(model, helper.make_node("f2999", ["total"], ["huge"], domain="local"))


def loop_for_ever(model: ModelProto) -> None:
    names = ["again", "sum"]
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["again"]), helper.make_node("Add", ["so_far", "one"], ["sum"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("so_far", TensorProto.DOUBLE, []),
        ],
        [
            helper.make_tensor_value_info(names[0], TensorProto.BOOL, []),
            helper.make_tensor_value_info(names[1], TensorProto.DOUBLE, []),
        ],
    )
    for name, value in (("turns", np.array(10**8)), ("true", np.array(True)), ("one", np.array(1.0))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    _add_to_the_logit(model, helper.make_node("Loop", ["turns", "true", "one"], ["huge"], body=body))


def compute_three_hundred_million_targets(model: ModelProto) -> None:
    """A legal graph of legal operators that adds nothing to the logit, and takes 1.2 GB a row to do so."""
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["targets"],
        domain="ai.onnx.ml",
        n_targets=300_000_000,
        aggregate_function="SUM",
        nodes_treeids=[0],
        nodes_nodeids=[0],
        nodes_modes=["LEAF"],
        nodes_featureids=[0],
        nodes_values=[0.0],
        nodes_truenodeids=[0],
        nodes_falsenodeids=[0],
        target_treeids=[0],
        target_nodeids=[0],
        target_ids=[0],
        target_weights=[0.0],
    )
    _add_to_the_logit(
        model,
        tree,
        helper.make_node("Cast", ["targets"], ["doubles"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceSum", ["doubles", "terms_axis"], ["huge"], keepdims=0),
    )


def add_for_minutes(model: ModelProto) -> None:
    """A legal graph that adds nothing to the logit, a hundred thousand million times."""
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 10**6)), "zeros"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([[0.0]]), "nought"))
    contributions = helper.make_node("ReduceSum", ["contributions", "terms_axis"], ["sum"], keepdims=1)
    chain = [helper.make_node("Add", ["sum", "zeros"], ["sum0"])]
    chain += [helper.make_node("Add", [f"sum{turn}", "sum0"], [f"sum{turn + 1}"]) for turn in range(1500)]
    end = helper.make_node("ReduceSum", ["sum1500", "terms_axis"], ["huge"], keepdims=0)
    _add_to_the_logit(model, contributions, *chain, end)


# What the walk through the file refuses, with the reason; then what only opening or running it shows.
FORBIDDEN: dict[str, tuple[Change, str]] = {
    "a newer opset": (ask_for_a_newer_opset, "opset of ai.onnx past 18"),
    "external data": (ask_for_external_data, "data outside its file"),
    "a domain of its own": (use_a_domain_of_its_own, "another domain"),
    "a gigabyte": (allocate_a_gigabyte, "a tensor of its own"),
    "3,000 functions": (call_3000_functions, "another domain"),
    "an endless loop": (loop_for_ever, "a graph of its own"),
}
WRONG: dict[str, tuple[Change, str]] = {
    "another input": (rename_the_input, "its input is not features"),
    "another width": (widen_the_input, "its input is not features"),
    "another type": (take_doubles, "not a graph that this runtime can open|its input is not"),
    "NaN": (answer_nan, "does not add up"),
    "another answer": (answer_otherwise, "does not add up|does not answer the canary rows"),
    "300 million targets": (compute_three_hundred_million_targets, "it needs more than 512 MiB"),
}


def _fields(source: Path) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((source / "manifest.json").read_text())
    del fields["manifest_sha256"]
    return fields


def _shift(model: ModelProto, by: float) -> None:
    intercept = initializer(model, "intercept")
    intercept.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(intercept) + by, "intercept"))


def _add_to_the_logit(model: ModelProto, *nodes: NodeProto) -> None:
    """Let the last node's result, `huge`, be added to the logit."""
    *before, add, sigmoid = model.graph.node
    add.output[0] = "logit_without"
    more = helper.make_node("Add", ["logit_without", "huge"], ["logit"])
    kept = [*before, add, *nodes, more, sigmoid]
    copies = [NodeProto.FromString(node.SerializeToString()) for node in kept]
    del model.graph.node[:]
    model.graph.node.extend(copies)
