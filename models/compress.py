"""Make a model's ranker smaller: 8-bit products, or small weights cut to zero. Options, not rules.

What either costs and gains is measured on the machine at hand and written into the manifest. A
dynamically quantised product takes its scale from all rows of the call: scores then depend on who
else is ranked, a little. The report says how much.
"""

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from models.compress_report import compare, made_up
from models.export import FILE, GOLDEN, seal
from models.holdout import Holdout
from service.adapters.model_folder import ModelFolder, read_model_folder
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.features import Features
from service.core.manifest import SIGNATURE

PRUNED: Final = ("w_user", "w_cand", "w2")
"""Layers that lose weights; the read-out has too few to spare."""
MEASURED: Final = ("name", "version", "sha256", "bytes")


@dataclass(frozen=True)
class Compression:
    """What is done to the ranker; a share of weights, or 8 bits, or both."""

    int8: bool = False
    prune: float = 0.0

    def __str__(self) -> str:
        """As the manifest and the report call it."""
        parts = [f"prune {self.prune:g}"] * (self.prune > 0) + ["int8"] * self.int8
        return ", ".join(parts)


def compress(folder: Path, out: Path, how: Compression, holdout: Path | None) -> dict[str, Any]:
    """Write a smaller model into `out` and report what it costs; the old folder stays as it is.

    Raises:
        Refused: The folder is no model, nothing is to be done, or `out` is not empty.
    """
    if not how.int8 and not 0 < how.prune < 1:
        raise Refused("nothing to compress: give --int8, or --prune with a share between 0 and 1")
    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} is not empty; give a new folder")
    read = read_model_folder(folder)
    old = OnnxScorer.of(read)
    copytree(folder, out, dirs_exist_ok=True)
    (out / SIGNATURE).unlink(missing_ok=True)
    graph = compressed(read.file(FILE), how)
    (out / FILE).write_bytes(graph)
    held = Holdout(_golden_inputs(read)) if holdout is None else Holdout.load(holdout)
    _write_golden(read, out)
    new = OnnxScorer.of(_sealed(read, out, how, {}))
    report = compare(old, new, held) | {
        "how": str(how),
        "bytes": {"old": len(read.file(FILE)), "new": len(graph)},
    }
    return report | {"version": _sealed(read, out, how, report).version}


def compressed(graph: bytes, how: Compression) -> bytes:
    """The graph with fewer weights, or with 8-bit ones."""
    pruned = prune(graph, how.prune) if how.prune > 0 else graph
    return quantise(pruned) if how.int8 else pruned


def prune(graph: bytes, share: float) -> bytes:
    """Set the smallest weights of each layer to zero, by magnitude."""
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.name in PRUNED:
            weights = numpy_helper.to_array(tensor).copy()
            least = np.quantile(np.abs(weights), share)
            weights[np.abs(weights) < least] = 0
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def quantise(graph: bytes) -> bytes:
    """Products of 8-bit integers: weights by column, inputs by the range of each call."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(graph)
        quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


def _write_golden(read: ModelFolder, out: Path) -> None:
    """Golden vectors of the smaller graph are its own: there is no other definition of it."""
    kept = {FILE: (out / FILE).read_bytes()}
    scorer = OnnxScorer.of(ModelFolder(out, read.manifest, kept))
    inputs = _golden_inputs(read)
    golden = _golden(read) | inputs.arrays() | {"heads": scorer.score(inputs)}
    np.savez(out / GOLDEN, **golden)


def _golden(read: ModelFolder) -> dict[str, Any]:
    if GOLDEN not in read.kept:
        return {}
    with np.load(io.BytesIO(read.file(GOLDEN)), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _golden_inputs(read: ModelFolder) -> Features:
    """The folder's own, or made-up ones where it has none."""
    golden = _golden(read)
    return Features.of(golden) if golden else made_up(read.blocks, 4, 60)


def _sealed(
    read: ModelFolder, out: Path, how: Compression, report: Mapping[str, Any]
) -> ModelFolder:
    about = {key: value for key, value in read.manifest.items() if key not in MEASURED}
    made = {"of": read.version, "how": str(how), "measured": dict(report)}
    seal(out, {"name": read.name, **about, "compression": made})
    return read_model_folder(out)
