"""Target attention's part of the ranker's graph."""

from typing import Any, Final

import numpy as np
from onnx import TensorProto

from models.attention import SCORE_MAX, TINY, Attention
from service.core.features import RING_READ

_OF_MASK: Final = (
    ("Gather", ("ring_{0}", "owner"), "{0}_of_cand"),
    ("Mul", ("weight", "{0}_of_cand"), "{0}_weight"),
    ("ReduceSum", ("{0}_weight", "axis_1"), "{0}_sum"),
    ("Max", ("{0}_sum", "tiny"), "{0}_sum_floored"),
    ("Div", ("{0}_weight", "{0}_sum_floored"), "{0}_share"),
    ("Unsqueeze", ("{0}_share", "axis_1"), "{0}_share_row"),
    ("MatMul", ("{0}_share_row", "values_of_cand"), "{0}_found_row"),
    ("Squeeze", ("{0}_found_row", "axis_1"), "{0}_found"),
    ("Mul", ("{0}_found", "own"), "{0}_alike"),
)

NODES: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("MatMul", ("ring_items", "w_query"), "query_long"),
    ("Div", ("query_long", "root"), "query"),
    ("MatMul", ("ring_items", "w_value"), "own"),
    ("MatMul", ("ring_plays", "w_key"), "keys"),
    ("MatMul", ("ring_plays", "w_value"), "values"),
    ("Gather", ("keys", "owner"), "keys_of_cand"),
    ("Gather", ("values", "owner"), "values_of_cand"),
    ("Unsqueeze", ("query", "axis_2"), "query_column"),
    ("MatMul", ("keys_of_cand", "query_column"), "score_column"),
    ("Squeeze", ("score_column", "axis_2"), "score"),
    ("Clip", ("score", "score_low", "score_high"), "score_clipped"),
    ("Exp", ("score_clipped",), "weight"),
    *(
        (operator, tuple(name.format(mask) for name in inputs), output.format(mask))
        for mask in ("good", "bad")
        for operator, inputs, output in _OF_MASK
    ),
    ("Concat", ("good_alike", "bad_alike"), "alike"),
    ("MatMul", ("alike", "w_read"), "read_part"),
)


def constants(attention: Attention) -> dict[str, Any]:
    """Limits and axes that the nodes read."""
    return {
        "root": np.float32(np.sqrt(attention.w_query.shape[1])),
        "score_low": np.float32(-SCORE_MAX),
        "score_high": np.float32(SCORE_MAX),
        "tiny": np.float32(TINY),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
    }


def inputs(attention: Attention) -> dict[str, tuple[int, list[Any]]]:
    """Element type and shape of each input."""
    floats, dim = TensorProto.FLOAT, attention.dim
    return {
        "ring_items": (floats, ["M", dim]),
        "ring_plays": (floats, ["B", RING_READ, dim]),
        "ring_good": (floats, ["B", RING_READ]),
        "ring_bad": (floats, ["B", RING_READ]),
    }
