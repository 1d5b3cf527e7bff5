"""A model's folder becomes a version that never changes.

The version is the start of the content's digest, so publishing the same again finds it there. The
manifest goes up last: a version that was not uploaded completely does not exist.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from obstore.store import ObjectStore

from models.registry.card import write_card
from service.adapters.model_check import files_of, hash_files
from service.adapters.model_registry import version_key
from service.adapters.object_store import AlreadyThere, NotThere, reaching
from service.adapters.signing import sign, signer
from service.core.errors import Refused
from service.core.manifest import (
    DOCUMENTS,
    FILES_MAX,
    MANIFEST,
    SIGNATURE,
    canonical_manifest,
    check_files,
    check_model_name,
    content_version,
    parse_manifest,
)

CARD: Final = "card.md"
RANKER: Final = "ranker.onnx"


@dataclass(frozen=True)
class Published:
    """What became of a folder."""

    name: str
    version: str
    is_new: bool
    bytes: int
    signed_by: str | None


@dataclass(frozen=True)
class _Package:
    """A version, ready to go up: files by name, on disk or (the card) made here."""

    version: str
    manifest: Mapping[str, Any]
    files: Mapping[str, Path | bytes]

    @property
    def bytes(self) -> int:
        """Of all files, without the manifest."""
        return sum(
            len(file) if isinstance(file, bytes) else file.stat().st_size
            for file in self.files.values()
        )


def publish(
    folder: Path, store: ObjectStore, name: str, *, key: Ed25519PrivateKey | None = None
) -> Published:
    """Publish a folder under its content's version, signed if a key is given.

    Raises:
        Refused: The folder is not what its manifest says, holds links, or this version was
        published with another manifest (it stays as it is).
        Unavailable: The store did not take it; nothing is visible, publish again.
    """
    package = _pack(folder, check_model_name(name))
    manifest = canonical_manifest(package.manifest)
    where = version_key(name, package.version)
    there = _published(store, where)
    if there is None:
        _upload(store, where, package, manifest, key)
    else:
        _check_same(there, package)
        if key is not None and there == manifest:  # it may have gone up unsigned
            with suppress(AlreadyThere), reaching(f"{where}/{SIGNATURE}"):
                store.put(f"{where}/{SIGNATURE}", sign(key, manifest), mode="create")
    return Published(name, package.version, there is None, package.bytes, _signer(store, where))


def _upload(
    store: ObjectStore,
    where: str,
    package: _Package,
    manifest: bytes,
    key: Ed25519PrivateKey | None,
) -> None:
    _drop_strays(store, where, package)
    for file, content in package.files.items():
        with reaching(f"{where}/{file}"):
            store.put(f"{where}/{file}", content)
    if key is not None:
        with reaching(f"{where}/{SIGNATURE}"):
            store.put(f"{where}/{SIGNATURE}", sign(key, manifest))
    try:
        with reaching(where):
            store.put(f"{where}/{MANIFEST}", manifest, mode="create")
    except AlreadyThere:
        raise Refused(
            f"{where} was published by somebody else at this moment; publish again"
        ) from None


def _pack(folder: Path, name: str) -> _Package:
    source = _source(folder)
    manifest = parse_manifest(json.dumps(source).encode(), f"{folder / MANIFEST}")
    digests = hash_files(folder)
    if RANKER not in digests:
        raise Refused(f"{folder} has no {RANKER}; export the model first")
    unnamed = {file for file in digests.keys() & DOCUMENTS if file not in manifest.sha256}
    check_files(manifest, {file: digests[file] for file in digests.keys() - unnamed})
    version = content_version(digests)
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in files_of(folder)
    }
    files = {file: path for file, path in files.items() if file in digests}
    if CARD not in files:
        card = write_card({**source, "name": name, "version": version}, folder).encode()
        files[CARD], digests[CARD] = card, sha256(card).hexdigest()
    if len(files) > FILES_MAX:
        raise Refused(f"{folder} holds {len(files)} files, at most {FILES_MAX} are published")
    stamped = {
        **source,
        "name": name,
        "version": version,
        "sha256": dict(sorted(digests.items())),
        "exported_as": {"name": manifest.name, "version": manifest.version},
    }
    return _Package(version, stamped, files)


def _source(folder: Path) -> dict[str, Any]:
    try:
        source = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"no model in {folder} ({error}); export one first") from error
    if not isinstance(source, dict):
        raise Refused(f"{folder / MANIFEST} is no manifest; export the model again")
    return source


def _published(store: ObjectStore, where: str) -> bytes | None:
    try:
        with reaching(where):
            return bytes(store.get(f"{where}/{MANIFEST}").bytes())
    except NotThere:
        return None


def _check_same(there: bytes, package: _Package) -> None:
    """Refuse another content under the same version. Documents may differ: the first stay."""
    try:
        published = _essence(json.loads(there))
    except (ValueError, AttributeError) as error:
        raise Refused(f"the registry's manifest of {package.version} is broken: {error}") from error
    mine = _essence(package.manifest)
    differing = [
        field
        for field in sorted(published.keys() | mine.keys())
        if published.get(field) != mine.get(field)
    ]
    if differing:
        raise Refused(
            f"version {package.version} was published with another {', '.join(differing)} and stays"
            " as it is; use that one, or export a model whose files differ"
        )


def _signer(store: ObjectStore, where: str) -> str | None:
    try:
        with reaching(where):
            return signer(bytes(store.get(f"{where}/{SIGNATURE}").bytes()), where)
    except NotThere:
        return None


def _essence(manifest: Mapping[str, Any]) -> dict[str, Any]:
    files = manifest.get("sha256", {})
    counted = {file: digest for file, digest in files.items() if file not in DOCUMENTS}
    return {**manifest, "sha256": counted, "exported_as": None}


def _drop_strays(store: ObjectStore, where: str, package: _Package) -> None:
    """Remove what an upload that did not finish left behind: it would not pass a reader's check."""
    with reaching(where):
        found = [meta["path"] for meta in store.list(where).collect()]
        strays = [path for path in found if path.removeprefix(f"{where}/") not in package.files]
        if strays:
            store.delete(strays)
