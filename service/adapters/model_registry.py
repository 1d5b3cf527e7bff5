"""The registry as who serves it reads it: versions that never change, fetched and checked.

`NAME/versions/VERSION/` holds a model's folder; the manifest is written last, so a version without
one does not exist. What is fetched is downloaded beside the cache, checked as a whole (signature,
identity, hash of every file), and only then renamed into it: a half or a forged model is never
seen under a version's name.
"""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from obstore.store import ObjectStore

from service.adapters.model_aliases import AliasLog
from service.adapters.model_check import check_folder, check_manifest
from service.adapters.object_store import NotThere, open_store, reaching
from service.adapters.signing import SIGNATURE_BYTES_MAX, TrustedKeys
from service.core.control import Alias, AliasMoved
from service.core.errors import Refused
from service.core.manifest import (
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SIGNATURE,
    Manifest,
    check_files,
    check_model_name,
    check_version,
)
from service.settings import Settings

MODEL_BYTES_MAX: Final = 1024**3
"""Of all files of a version: more than any model that fits the latency budget."""

_PARTIAL: Final = ".partial-"
_PARTIAL_AGE_S: Final = 3600.0
_PIECE_BYTES: Final = 1024 * 1024

logger = logging.getLogger(__name__)


class ModelRegistry:
    """One registry, read. `fetch` blocks: call it from a thread beside the hot path."""

    def __init__(
        self,
        store: ObjectStore,
        cache: Path,
        *,
        trusted: TrustedKeys,
        cache_versions: int = 5,
        bytes_max: int = MODEL_BYTES_MAX,
    ) -> None:
        self._store = store
        self._cache = cache
        self._trusted = trusted
        self._cache_versions = cache_versions
        self._bytes_max = bytes_max

    def versions(self, name: str) -> list[str]:
        """Return the published versions, oldest first.

        Raises:
            Unavailable: The store does not answer.
        """
        ends = f"/{MANIFEST}"
        with reaching(f"versions of {name}"):
            found = self._store.list(f"{check_model_name(name)}/versions").collect()
        dated = [
            (meta["last_modified"], meta["path"].removesuffix(ends).rpartition("/")[2])
            for meta in found
            if meta["path"].endswith(ends) and meta["path"].count("/") == 3
        ]
        return [version for _, version in sorted(dated)]

    def alias(self, name: str, alias: Alias) -> AliasMoved | None:
        """Return what an alias means now; None when it was never moved.

        Raises:
            Unavailable: The store does not answer.
        """
        newest = AliasLog(self._store, name).newest(alias)
        return None if newest is None else newest.told()

    def manifest(self, name: str, version: str) -> Manifest:
        """Read a version's manifest and check its signature; its files stay where they are.

        Raises:
            Refused: There is no such version, or its manifest may not be believed.
            Unavailable: The store does not answer.
        """
        data, signature = self._signed(name, version)
        return check_manifest(data, signature, name, version, self._trusted)

    def fetch(self, name: str, version: str) -> Path:
        """Return a local folder with exactly what was published as this version.

        A copy in the cache is checked again in full; one that fails is fetched anew.

        Raises:
            Refused: There is no such version, or it is not what was published and signed.
            Unavailable: The store does not answer.
        """
        folder = self._cache / check_model_name(name) / check_version(version)
        if not self._is_sound(folder, name, version):
            self._download(folder, name, version)
        os.utime(folder)
        self._prune(folder)
        return folder

    def _is_sound(self, folder: Path, name: str, version: str) -> bool:
        if not folder.is_dir():
            return False
        try:
            check_folder(folder, name, version, self._trusted)
        except Refused as error:
            logger.warning("the cached copy is dropped and fetched again: %s", error)
            shutil.rmtree(folder)
            return False
        return True

    def _download(self, folder: Path, name: str, version: str) -> None:
        data, signature = self._signed(name, version)
        manifest = check_manifest(data, signature, name, version, self._trusted)
        self._check_listing(name, version, manifest)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
        try:
            left = self._bytes_max
            for file in manifest.sha256:
                left -= self._copy(f"{version_key(name, version)}/{file}", partial / file, left)
            (partial / MANIFEST).write_bytes(data)
            if signature is not None:
                (partial / SIGNATURE).write_bytes(signature)
            check_folder(partial, name, version, self._trusted)
            _rename(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _signed(self, name: str, version: str) -> tuple[bytes, bytes | None]:
        where = version_key(check_model_name(name), check_version(version))
        data = self._small(f"{where}/{MANIFEST}", MANIFEST_BYTES_MAX, f"version {version}")
        try:
            return data, self._small(f"{where}/{SIGNATURE}", SIGNATURE_BYTES_MAX, "signature")
        except NotThere:
            return data, None

    def _check_listing(self, name: str, version: str, manifest: Manifest) -> None:
        """Refuse by the listing alone what needs no download: too many, too few, too large."""
        start = f"{version_key(name, version)}/"
        with reaching(f"files of {name} {version}"):
            listed = self._store.list(start.rstrip("/")).collect()
        sizes = {meta["path"].removeprefix(start): meta["size"] for meta in listed}
        there = sizes.keys() - {MANIFEST, SIGNATURE}
        try:
            check_files(manifest, {file: manifest.sha256.get(file, "") for file in there})
        except Refused as error:
            raise Refused(f"{name} {version} in the registry: {error}") from error
        if sum(sizes.values()) > self._bytes_max:
            raise Refused(
                f"{name} {version}: {sum(sizes.values())} bytes, at most {self._bytes_max} are"
                " fetched; publish a smaller model"
            )

    def _copy(self, key: str, path: Path, bytes_max: int) -> int:
        path.parent.mkdir(exist_ok=True)
        written = 0
        with reaching(key), path.open("wb") as file:
            for piece in self._pieces(key):
                written += len(piece)
                if written > bytes_max:  # it grew since it was listed
                    raise Refused(f"{key}: more than {bytes_max} bytes; publish a smaller model")
                file.write(piece)
        return written

    def _pieces(self, key: str) -> Iterator[bytes]:
        return (bytes(piece) for piece in self._store.get(key).stream(min_chunk_size=_PIECE_BYTES))

    def _small(self, key: str, bytes_max: int, what: str) -> bytes:
        with reaching(what):
            found = self._store.get(key)
            if found.meta["size"] > bytes_max:
                raise Refused(f"{key}: {found.meta['size']} bytes, at most {bytes_max} are read")
            return bytes(found.bytes())

    def _prune(self, kept: Path) -> None:
        """Drop what was used longest ago, and what a killed download left behind.

        A model that is mapped stays readable until its process lets go of it.
        """
        entries = [(_used_at_s(path), path) for path in kept.parent.iterdir() if path != kept]
        partial = [entry for entry in entries if entry[1].name.startswith(_PARTIAL)]
        whole = sorted((entry for entry in entries if entry not in partial), reverse=True)
        old = [entry for entry in partial if entry[0] < time.time() - _PARTIAL_AGE_S]
        for _, path in (*whole[self._cache_versions - 1 :], *old):
            shutil.rmtree(path, ignore_errors=True)


def open_registry(settings: Settings, *, create: bool = False) -> ModelRegistry:
    """Open the registry of the settings.

    Raises:
        Refused: No registry is configured, it is not there, or a trusted key cannot be read.
    """
    registry = settings.registry
    if not registry.url:
        raise Refused("no registry: set SEGUE_REGISTRY__URL to a folder or to s3://bucket/prefix")
    trusted = TrustedKeys.load(registry.key_paths)
    if not len(trusted):
        logger.warning(
            "models are not checked for a signature: whoever can write to %s can change what is"
            " ranked; set SEGUE_REGISTRY__TRUSTED_KEYS",
            registry.url,
        )
    return ModelRegistry(
        open_store(registry.url, create=create),
        settings.work_dir / "models",
        trusted=trusted,
        cache_versions=registry.cache_versions,
    )


def version_key(name: str, version: str) -> str:
    """Return where a version's files lie in the store."""
    return f"{name}/versions/{version}"


def _used_at_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another worker of this machine has just pruned or renamed it
        return time.time()


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another worker of this machine was faster
            raise
