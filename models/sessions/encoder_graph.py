"""The session encoder as an ONNX graph: the native GRU operator, over the newest plays.

    x = sqrt(d) * vectors + actions[action]                         [T, B, d], newest play first
    state = GRU(x, lengths), read from each session's oldest play   [B, d]
    direction = unit(state w_out + x[0] w_last)                     [B, d]

Item vectors stay outside: they are the index's, memory-mapped, and one gather away.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.graph import serialised
from models.sessions.encoder import PLAYS_MAX, Encoder
from service.core.encoding import read_plays
from service.core.items import F32
from service.core.memory import PlayEnd

LENGTH_MIN: Final = 1e-6
GOLDEN_SESSIONS: Final = 20
"""One of each length."""


def encoder_to_onnx(encoder: Encoder, metadata: Mapping[str, str]) -> bytes:
    """Build `vectors[T, B, d]`, `action[T, B]`, `lengths[B]` -> `direction[B, d]`.

    Every session has at least one play. The bytes depend on the encoder and the metadata alone.
    """
    floats, ints, info = TensorProto.FLOAT, TensorProto.INT32, helper.make_tensor_value_info
    graph = helper.make_graph(
        _nodes(encoder.dim),
        "encoder",
        [
            info("vectors", floats, ["T", "B", encoder.dim]),
            info("action", ints, ["T", "B"]),
            info("lengths", ints, ["B"]),
        ],
        [info("direction", floats, ["B", encoder.dim])],
        [numpy_helper.from_array(value, name) for name, value in _constants(encoder).items()],
    )
    known = {
        "plays_max": str(PLAYS_MAX),
        "reads_history": str(int(encoder.reads_history)),
        "dim": str(encoder.dim),
    }
    return serialised(graph, {**metadata, **known})


def encoder_golden(encoder: Encoder, seed: int) -> dict[str, Any]:
    """Inputs of the graph and where the plain definition points, for a folder's golden vectors."""
    draws = np.random.default_rng([seed, 22])
    shape = GOLDEN_SESSIONS, PLAYS_MAX
    rows = draws.integers(0, len(encoder.items), shape).astype(np.int32)
    recent = np.where(np.arange(PLAYS_MAX) < np.arange(1, len(rows) + 1)[:, None], rows, -1)
    current = np.arange(PLAYS_MAX) < draws.integers(1, PLAYS_MAX, len(rows))[:, None]
    end = draws.integers(0, len(PlayEnd), shape).astype(np.int8)
    plays = read_plays(
        recent, current, end, plays_max=PLAYS_MAX, reads_history=encoder.reads_history
    )
    return {
        "encoder_vectors": encoder.table[plays.rows],
        "encoder_action": plays.action,
        "encoder_lengths": plays.lengths,
        "encoder_direction": encoder.encode(recent, current, end),
    }


def _nodes(dim: int) -> list[Any]:
    def node(operator: str, inputs: list[str], output: str, **more: Any) -> Any:
        return helper.make_node(operator, inputs, [output], name=output, **more)

    gru: dict[str, Any] = {"hidden_size": dim, "direction": "reverse", "linear_before_reset": 1}
    return [
        node("Mul", ["vectors", "scale"], "scaled"),
        node("Gather", ["actions", "action"], "did"),
        node("Add", ["scaled", "did"], "x"),
        helper.make_node("GRU", ["x", "w", "r", "b", "lengths"], ["", "states"], name="gru", **gru),
        node("Squeeze", ["states", "first_axis"], "state"),
        node("Gather", ["x", "newest_place"], "newest", axis=0),
        node("MatMul", ["state", "w_out"], "from_state"),
        node("MatMul", ["newest", "w_last"], "from_newest"),
        node("Add", ["from_state", "from_newest"], "out"),
        node("ReduceL2", ["out", "last_axis"], "length", keepdims=1),
        node("Max", ["length", "length_min"], "length_floored"),
        node("Div", ["out", "length_floored"], "direction"),
    ]


def _constants(encoder: Encoder) -> dict[str, Any]:
    biases = np.concatenate([_gates(encoder.b_x), _gates(encoder.b_h)])
    return {
        "scale": np.float32(np.sqrt(encoder.dim)),
        "actions": np.asarray(encoder.actions, np.float32),
        "w": np.ascontiguousarray(_gates(encoder.w_x).T[None]),
        "r": np.ascontiguousarray(_gates(encoder.w_h).T[None]),
        "b": biases[None],
        "w_out": encoder.w_out,
        "w_last": encoder.w_last,
        "first_axis": np.array([0], np.int64),
        "last_axis": np.array([1], np.int64),
        "newest_place": np.int64(0),
        "length_min": np.float32(LENGTH_MIN),
    }


def _gates(columns: F32) -> F32:
    """Gates side by side, from our order (reset, update, new) to ONNX's (update, reset, new)."""
    reset, update, new = np.split(columns, 3, axis=-1)
    return np.concatenate([update, reset, new], axis=-1)
