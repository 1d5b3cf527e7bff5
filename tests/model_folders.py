"""Small model folders and registries for tests: the registry hashes files, it does not run them."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.adapters.model_check import hash_files

NAME: Final = "ranker"
METRICS: Final = {"test": {"skip": {"auc": 0.75, "ece": 0.0125}, "like": {"auc": 0.5, "ece": 0.02}}}


def make_folder(folder: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Write a model folder with a graph and an index, as an export would."""
    (folder / "index").mkdir(parents=True)
    (folder / "ranker.onnx").write_bytes(sha256(b"%d" % seed).digest() * 100)
    (folder / "index" / "index.json").write_text(json.dumps({"sessions": seed}))
    return write_manifest(folder, {"seed": seed, **changes})


def write_manifest(folder: Path, changes: Mapping[str, Any]) -> Path:
    """Write the folder's manifest, over whatever files are in it."""
    manifest = {
        "name": "segue-mlp",
        "version": "0" * 12,
        "sha256": hash_files(folder),
        "opset": 21,
        "heads": ["skip", "like"],
        "feature_schema": "f" * 64,
        "features": {"session": ["plays"], "candidate": ["popularity", "freshness"]},
        "trained_on": "a test",
        "metrics": METRICS,
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
