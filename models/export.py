"""The ranker as one ONNX file, built node by node, and the manifest beside it."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.ranker import CLIP, HEADS, Ranker
from service.core.features import CANDIDATE_FEATURES, FEATURE_SCHEMA, SESSION_FEATURES

OPSET: Final = 21
IR_VERSION: Final = 10
FILE: Final = "ranker.onnx"
NAME: Final = "segue-mlp"

# (operator, inputs, output), in order. A name of a parameter is an initializer.
NODES: Final = (
    ("Sub", ("user", "user_mean"), "user_centred"),
    ("Div", ("user_centred", "user_spread"), "user_scaled"),
    ("Clip", ("user_scaled", "low", "high"), "x_user"),
    ("Sub", ("cand", "cand_mean"), "cand_centred"),
    ("Div", ("cand_centred", "cand_spread"), "cand_scaled"),
    ("Clip", ("cand_scaled", "low", "high"), "x_cand"),
    ("MatMul", ("x_user", "w_user"), "user_part"),
    ("Gather", ("user_part", "owner"), "user_part_of_cand"),
    ("MatMul", ("x_cand", "w_cand"), "cand_part"),
    ("Add", ("user_part_of_cand", "cand_part"), "both_parts"),
    ("Add", ("both_parts", "b1"), "h1_linear"),
    ("Relu", ("h1_linear",), "h1"),
    ("MatMul", ("h1", "w2"), "h2_product"),
    ("Add", ("h2_product", "b2"), "h2_linear"),
    ("Relu", ("h2_linear",), "h2"),
    ("MatMul", ("h2", "w3"), "logits_product"),
    ("Add", ("logits_product", "b3"), "logits"),
    ("Mul", ("logits", "platt_a"), "sloped"),
    ("Add", ("sloped", "platt_c"), "calibrated"),
    ("Sigmoid", ("calibrated",), "heads"),
)


def to_onnx(ranker: Ranker, metadata: Mapping[str, str]) -> bytes:
    """Build the graph: `user[B, Fu]`, `owner[M]`, `cand[M, Fc]` -> `heads[M, 3]`.

    The bytes depend on the ranker and the metadata alone.
    """
    constants = {**ranker.arrays(), "low": np.float32(-CLIP), "high": np.float32(CLIP)}
    widths = {"user": len(ranker.user_mean), "cand": len(ranker.cand_mean)}
    floats, ints = TensorProto.FLOAT, TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), [output], name=output) for op, inputs, output in NODES],
        "ranker",
        [
            helper.make_tensor_value_info("user", floats, ["B", widths["user"]]),
            helper.make_tensor_value_info("owner", ints, ["M"]),
            helper.make_tensor_value_info("cand", floats, ["M", widths["cand"]]),
        ],
        [helper.make_tensor_value_info("heads", floats, ["M", len(HEADS)])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="segue"
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def export(
    ranker: Ranker, folder: Path, *, window: str, seed: int, metrics: Mapping[str, Any]
) -> Path:
    """Write `ranker.onnx` and `manifest.json`, the manifest last."""
    graph = to_onnx(ranker, graph_metadata(window))
    digest = sha256(graph).hexdigest()
    manifest = {
        "name": NAME,
        "version": digest[:12],
        "sha256": {FILE: digest},
        "bytes": len(graph),
        "opset": OPSET,
        "item_space": "any",
        "heads": list(HEADS),
        "feature_schema": FEATURE_SCHEMA,
        "features": {"session": list(SESSION_FEATURES), "candidate": list(CANDIDATE_FEATURES)},
        "trained_on": window,
        "seed": seed,
        "metrics": metrics,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(graph)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return folder / FILE


def graph_metadata(window: str) -> dict[str, str]:
    """What the file itself says of its origin, readable through ONNX Runtime."""
    return {
        "feature_schema_sha256": FEATURE_SCHEMA,
        "heads": ",".join(HEADS),
        "training_window": window,
        "opset": str(OPSET),
        "item_space": "any",
        "calibration": "platt",
    }
