"""The models of the drill, made from one that is sound: an equal one, a bad one, a forged one.

A node behind the graph's output changes what the heads say, so that any ranker can be taken.

equal    heads moved by a thousandth
bad      p(skip) and p(complete) inverted: what listeners would skip comes first
forged   published as equal is, and changed in the registry after it was signed
"""

import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from models.export import FILE, GOLDEN, UNSEALED, seal
from service.adapters.onnx import OnnxScorer
from service.core.events import CONTENT_TYPES
from service.core.features import Features, columns_of
from service.core.items import F32

INVERTED: Final = ("skip", "complete")
_CANDIDATES: Final = 60


def copy_changed(
    source: Path, folder: Path, change: Mapping[str, tuple[float, float]], about: str
) -> Path:
    """Copy a model whose heads say `slope * p + offset` instead of p; heads not named stay.

    Args:
        source: A model folder.
        folder: Where the copy goes.
        change: (slope, offset) by head.
        about: What the manifest says it was trained on.
    """
    shutil.copytree(source, folder, dirs_exist_ok=True)
    manifest: dict[str, Any] = json.loads((source / "manifest.json").read_bytes())
    for name in (*UNSEALED, GOLDEN, "card.md", "gate.json", "lineage.json"):
        (folder / name).unlink(missing_ok=True)
    model = onnx.load_from_string((source / FILE).read_bytes())
    _append(model.graph, _columns(manifest["heads"], change))
    (folder / FILE).write_bytes(model.SerializeToString(deterministic=True))
    manifest |= {"trained_on": about, "metrics": {}}
    seal(folder, manifest)
    (folder / GOLDEN).write_bytes(_golden(folder, manifest.get("blocks", ["base"])))
    seal(folder, manifest)
    return folder


def equal(source: Path, folder: Path, by: float = 0.001) -> Path:
    """Copy a model that ranks as the source does."""
    change = dict.fromkeys(("next", "skip", "complete", "like"), (1 - by, by / 2))
    return copy_changed(source, folder, change, f"drill: heads moved by {by:g}")


def bad(source: Path, folder: Path) -> Path:
    """Copy a model that takes what will be skipped for what will be heard."""
    return copy_changed(
        source, folder, dict.fromkeys(INVERTED, (-1.0, 1.0)), "drill: skip and complete inverted"
    )


def _columns(heads: list[str], change: Mapping[str, tuple[float, float]]) -> dict[str, F32]:
    pairs = np.array([change.get(head, (1.0, 0.0)) for head in heads], dtype=np.float32)
    return {"drill_slope": pairs[:, 0], "drill_offset": pairs[:, 1]}


def _append(graph: onnx.GraphProto, constants: Mapping[str, F32]) -> None:
    """Put slope and offset between what computed the heads and the output of that name."""
    for node in graph.node:
        for at, name in enumerate(node.output):
            if name == "heads":
                node.output[at] = "heads_before"
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    graph.node.extend(
        [
            helper.make_node("Mul", ["heads_before", "drill_slope"], ["heads_scaled"]),
            helper.make_node("Add", ["heads_scaled", "drill_offset"], ["heads"]),
        ]
    )


def _golden(folder: Path, blocks: list[str]) -> bytes:
    draws = np.random.default_rng(7)
    session, candidate = (len(columns) for columns in columns_of(blocks))
    features = Features(
        draws.normal(size=(2, session)).astype(np.float32),
        np.repeat(np.arange(2, dtype=np.int32), _CANDIDATES),
        draws.normal(size=(2 * _CANDIDATES, candidate)).astype(np.float32),
        draws.integers(0, len(CONTENT_TYPES), 2 * _CANDIDATES, dtype=np.uint8),
    )
    heads = OnnxScorer.load(folder).score(features)
    file = io.BytesIO()
    np.savez(file, **vars(features), heads=heads)
    return file.getvalue()
