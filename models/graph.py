"""The ranker as an ONNX graph, built node by node."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models import attention_graph, bend
from models.ranker import CLIP, Ranker

OPSET: Final = 21
IR_VERSION: Final = 10

_ATTRIBUTES: Final[dict[str, dict[str, Any]]] = {
    "Cast": {"to": TensorProto.INT32},
    "Concat": {"axis": 1},
}

Node = tuple[str, tuple[str, ...], str]
"""(operator, inputs, output). A name of a parameter is an initializer."""

_CANDIDATE: Final[tuple[Node, ...]] = (
    ("Sub", ("cand", "cand_mean"), "cand_centred"),
    ("Div", ("cand_centred", "cand_spread"), "cand_scaled"),
    ("Clip", ("cand_scaled", "low", "high"), "x_cand"),
    ("MatMul", ("x_cand", "w_cand"), "cand_part"),
    ("Add", ("cand_part", "b1"), "cand_linear"),
)
_USER: Final[tuple[Node, ...]] = (
    ("Sub", ("user", "user_mean"), "user_centred"),
    ("Div", ("user_centred", "user_spread"), "user_scaled"),
    ("Clip", ("user_scaled", "low", "high"), "x_user"),
    ("MatMul", ("x_user", "w_user"), "user_part"),
    ("Gather", ("user_part", "owner"), "user_part_of_cand"),
    ("Add", ("cand_linear", "user_part_of_cand"), "both_linear"),
)
_HEADS: Final[tuple[Node, ...]] = (
    ("MatMul", ("h1", "w2"), "h2_product"),
    ("Add", ("h2_product", "b2"), "h2_linear"),
    ("Relu", ("h2_linear",), "h2"),
    ("MatMul", ("h2", "w3"), "logits_product"),
    ("Add", ("logits_product", "b3"), "logits"),
    ("Cast", ("kind",), "kind_row"),
    ("Gather", ("slope", "kind_row"), "slope_of_cand"),
    ("Gather", ("offset", "kind_row"), "offset_of_cand"),
    ("Mul", ("logits", "slope_of_cand"), "sloped"),
    ("Add", ("sloped", "offset_of_cand"), "line"),
)


def to_onnx(ranker: Ranker, metadata: Mapping[str, str]) -> bytes:
    """Build `user[B, Fu]`, `owner[M]`, `cand[M, Fc]`, `kind[M]` -> `heads[M, H]`.

    Without session columns there is no `user`. With attention there are `ring_items[M, d]`,
    `ring_plays[B, 20, d]`, `ring_good[B, 20]` and `ring_bad[B, 20]`. The bytes depend on the ranker
    and the metadata alone.
    """
    nodes = _nodes(ranker)
    limits = {"low": np.float32(-CLIP), "high": np.float32(CLIP)}
    constants = {**ranker.arrays(), **limits}
    if ranker.attention is not None:
        constants |= attention_graph.constants(ranker.attention)
    graph = helper.make_graph(
        [_node(*node) for node in nodes],
        "ranker",
        _inputs(ranker, nodes),
        [helper.make_tensor_value_info("heads", TensorProto.FLOAT, ["M", len(ranker.heads)])],
        initializers(constants, nodes),
    )
    return serialised(graph, metadata)


def _nodes(ranker: Ranker) -> tuple[Node, ...]:
    """What there is of candidate, user and attention, one added to the other."""
    nodes, linear = _CANDIDATE, "cand_linear"
    if len(ranker.user_mean):
        nodes, linear = nodes + _USER, "both_linear"
    if ranker.attention is not None:
        added: Node = ("Add", (linear, "read_part"), "all_linear")
        nodes, linear = (*nodes, *attention_graph.NODES, added), "all_linear"
    nodes = (*nodes, ("Relu", (linear,), "h1"), *_HEADS)
    if ranker.bend is None:
        return (*nodes, ("Sigmoid", ("line",), "heads"))
    return (*nodes, *bend.NODES, ("Sigmoid", ("calibrated",), "heads"))


def _inputs(ranker: Ranker, nodes: Sequence[Node]) -> list[onnx.ValueInfoProto]:
    floats, ints = TensorProto.FLOAT, TensorProto.INT32
    declared: dict[str, tuple[int, list[Any]]] = {
        "user": (floats, ["B", len(ranker.user_mean)]),
        "owner": (ints, ["M"]),
        "cand": (floats, ["M", len(ranker.cand_mean)]),
        "kind": (TensorProto.UINT8, ["M"]),
    }
    if ranker.attention is not None:
        declared |= attention_graph.inputs(ranker.attention)
    read = {name for _, names, _ in nodes for name in names}
    return [
        helper.make_tensor_value_info(name, kind, shape)
        for name, (kind, shape) in declared.items()
        if name in read
    ]


def initializers(constants: Mapping[str, Any], nodes: Sequence[Node]) -> list[onnx.TensorProto]:
    """The constants that some node reads."""
    read = {name for _, inputs, _ in nodes for name in inputs}
    return [
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in constants.items()
        if name in read
    ]


def serialised(graph: onnx.GraphProto, metadata: Mapping[str, str]) -> bytes:
    """The checked model around a graph: opset 21, IR 10, one file, no external data."""
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="segue"
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def _node(operator: str, inputs: tuple[str, ...], output: str) -> onnx.NodeProto:
    attributes = _ATTRIBUTES.get(operator, {})
    return helper.make_node(operator, list(inputs), [output], name=output, **attributes)
