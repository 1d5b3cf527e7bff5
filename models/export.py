"""A model folder: the ranker's graph, golden vectors, and the manifest that names every file."""

import io
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.attention import Attention
from models.graph import OPSET, to_onnx
from models.ranker import TYPES, Ranker
from service.core.features import RING_READ, Features, Ring, columns_of, schema_of_blocks
from service.core.manifest import MANIFEST, SIGNATURE, canonical_manifest, content_version
from service.core.sessions import unit

FILE: Final = "ranker.onnx"
GOLDEN: Final = "golden.npz"
UNSEALED: Final = (MANIFEST, SIGNATURE)
"""What the manifest cannot name: itself, and the signature over it."""
NAME: Final = "segue-mlp"
GOLDEN_SESSIONS: Final = 4
GOLDEN_CANDIDATES: Final = 60


def export(  # noqa: PLR0913 - what a manifest says of a model
    ranker: Ranker,
    folder: Path,
    *,
    window: str,
    seed: int,
    metrics: Mapping[str, Any],
    name: str = NAME,
    item_space: str = "any",
    more_golden: Mapping[str, Any] | None = None,
) -> Path:
    """Write `ranker.onnx`, `golden.npz` and `manifest.json`, the manifest last.

    Files that are there already (an encoder, an index, a card) become part of the model.
    """
    columns = columns_of(ranker.blocks)
    about = {
        "name": name,
        "opset": OPSET,
        "item_space": item_space,
        "heads": list(ranker.heads),
        "blocks": list(ranker.blocks),
        "feature_schema": schema_of_blocks(ranker.blocks),
        "features": {
            "session": list(columns[0]),
            "candidate": list(columns[1]),
        },
        "trained_on": window,
        "seed": seed,
        "metrics": metrics,
        "calibration": _calibration(ranker),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(to_onnx(ranker, graph_metadata(ranker, window, item_space)))
    (folder / GOLDEN).write_bytes(golden(ranker, seed, more_golden or {}))
    seal(folder, about)
    return folder / FILE


def seal(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest: what is known of the model, its version, and every file's hash."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in UNSEALED)
    hashes = {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}
    version = content_version(hashes)
    size = sum(p.stat().st_size for p in files)
    known = {"name": about["name"], "version": version, "sha256": hashes, "bytes": size}
    manifest = known | {key: value for key, value in about.items() if key not in known}
    (folder / MANIFEST).write_bytes(canonical_manifest(manifest))
    return manifest


def golden(ranker: Ranker, seed: int, more: Mapping[str, Any]) -> bytes:
    """Inputs and what the plain definition says of them; a worker runs them before it serves.

    `more` are arrays of other graphs of the folder.
    """
    features = golden_inputs(ranker, seed)
    file = io.BytesIO()
    arrays: dict[str, Any] = {**more, **features.arrays(), "heads": ranker.score(features)}
    np.savez(file, **arrays)
    return file.getvalue()


def golden_inputs(ranker: Ranker, seed: int) -> Features:
    """Candidates of some sessions, spread as the ranker's inputs are."""
    draws = np.random.default_rng([seed, 21])
    owner = np.repeat(np.arange(GOLDEN_SESSIONS, dtype=np.int32), GOLDEN_CANDIDATES)
    user = draws.normal(
        ranker.user_mean, ranker.user_spread, (GOLDEN_SESSIONS, len(ranker.user_mean))
    )
    cand = draws.normal(ranker.cand_mean, ranker.cand_spread, (len(owner), len(ranker.cand_mean)))
    kind = draws.integers(0, TYPES, len(owner), dtype=np.uint8)
    ring = _golden_ring(ranker.attention, len(owner), draws) if ranker.attention else None
    return Features(user.astype(np.float32), owner, cand.astype(np.float32), kind, ring)


def _golden_ring(attention: Attention, candidates: int, draws: np.random.Generator) -> Ring:
    """Unit vectors; what the plays say by chance."""
    shape = GOLDEN_SESSIONS, RING_READ, attention.dim
    says = draws.integers(-1, 2, shape[:2])
    return Ring(
        unit(draws.normal(size=(candidates, attention.dim)).astype(np.float32)),
        unit(draws.normal(size=shape).astype(np.float32)),
        (says > 0).astype(np.float32),
        (says < 0).astype(np.float32),
    )


def graph_metadata(ranker: Ranker, window: str, item_space: str = "any") -> dict[str, str]:
    """What the file itself says of its origin, readable through ONNX Runtime."""
    return {
        "feature_schema_sha256": schema_of_blocks(ranker.blocks),
        "heads": ",".join(ranker.heads),
        "blocks": ",".join(ranker.blocks),
        "training_window": window,
        "opset": str(OPSET),
        "item_space": item_space,
        "calibration": "platt by head and content type",
    }


def _calibration(ranker: Ranker) -> dict[str, Any]:
    """Slopes and offsets, a row per content type, a column per head."""
    bend = vars(ranker.bend) if ranker.bend else {}
    return {
        "method": "platt by head and content type",
        "slope": ranker.slope.round(4).tolist(),
        "offset": ranker.offset.round(4).tolist(),
        **{name: value.round(4).tolist() for name, value in bend.items()},
    }
