"""A model folder: `manifest.json` and the files it names, read once and checked by their hashes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

from service.core.errors import Refused
from service.core.features import BLOCKS, schema_of_blocks

MANIFEST: Final = "manifest.json"
RANKER: Final = "ranker.onnx"
ENCODER: Final = "encoder.onnx"
GOLDEN: Final = "golden.npz"
INDEX: Final = "index"
KEPT: Final = (RANKER, ENCODER, GOLDEN)
KEPT_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose graphs are the files that its manifest names."""

    path: Path
    manifest: Mapping[str, Any]
    kept: Mapping[str, bytes]  # graphs and golden vectors, as they were hashed

    @property
    def name(self) -> str:
        """What the model is called."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """Which one of that name."""
        return str(self.manifest["version"])

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the ranker's outputs, in order."""
        return tuple(self.manifest["heads"])

    @property
    def blocks(self) -> tuple[str, ...]:
        """Blocks of features that the ranker reads, in order. A manifest that is silent: base."""
        return tuple(self.manifest.get("blocks", ("base",)))

    @property
    def item_space(self) -> str:
        """The catalogue's item space that the model was made for, or `any`."""
        return str(self.manifest.get("item_space", "any"))

    @property
    def has_encoder(self) -> bool:
        """Whether sessions are encoded and candidates retrieved from an index."""
        return ENCODER in self.kept

    def file(self, name: str) -> bytes:
        """The bytes of a graph or of the golden vectors, as they were hashed."""
        return self.kept[name]


def read_model_folder(folder: Path) -> ModelFolder:
    """Read the manifest and every file it names; check hashes and the feature schema.

    Raises:
        Refused: A file is missing, was changed, or expects other features; says what to do.
    """
    manifest = _manifest(folder)
    hashes = {RANKER: None} | _hashes(manifest)
    kept = {name: _kept(folder, name, hashes[name]) for name in KEPT if name in hashes}
    for name, digest in hashes.items():
        if name not in kept:
            _check_file(folder, name, digest)
    read = ModelFolder(folder, manifest, kept)
    _check_schema(read)
    return read


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise Refused(_nothing(folder, error)) from error
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(key), kind)
        for key, kind in (("name", str), ("version", str), ("heads", list))
    ):
        raise Refused(f"{folder / MANIFEST} lacks name, version or heads; export the model again")
    return manifest


def _nothing(folder: Path, error: Exception) -> str:
    return f"no model in {folder} ({error}); train one with `segue train world`"


def _hashes(manifest: Mapping[str, Any]) -> dict[str, Any]:
    hashes = manifest.get("sha256", {})
    return hashes if isinstance(hashes, dict) else {}


def _kept(folder: Path, name: str, digest: object) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise Refused(_nothing(folder, error)) from error
    if len(content) > KEPT_MAX_BYTES:
        raise Refused(f"{folder / name}: {len(content)} bytes, at most {KEPT_MAX_BYTES} are loaded")
    _compare(folder / name, sha256(content).hexdigest(), digest)
    return content


def _check_file(folder: Path, name: str, digest: object) -> None:
    """Files that stay where they are (an index, a card): a manifest names none outside."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Refused(
            f"{folder / MANIFEST} names {name}, outside the folder; do not use this model"
        )
    try:
        with path.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(_nothing(folder, error)) from error
    _compare(path, found, digest)


def _compare(path: Path, found: str, expected: object) -> None:
    if found != expected:
        raise Refused(f"{path} is not the file its manifest names; restore it or export again")


def _check_schema(read: ModelFolder) -> None:
    if unknown := set(read.blocks) - set(BLOCKS):
        raise Refused(
            f"{read.path}: feature blocks {sorted(unknown)} are unknown here, there are"
            f" {list(BLOCKS)}; run the service it was made for"
        )
    computed, expected = schema_of_blocks(read.blocks), read.manifest.get("feature_schema")
    if expected != computed:
        raise Refused(
            f"{read.path}: trained on feature schema {str(expected)[:12]}, this service computes"
            f" {computed[:12]}; train and export again, or run the service it was made for"
        )
