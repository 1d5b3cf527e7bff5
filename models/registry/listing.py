"""What the registry holds, version by version, as rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from obstore.store import ObjectStore

from service.adapters.model_aliases import AliasLog
from service.adapters.model_registry import ModelRegistry, version_key
from service.adapters.object_store import reaching
from service.core.control import ALIASES
from service.core.errors import Refused
from service.core.manifest import MANIFEST, SIGNATURE, Manifest, check_files


@dataclass(frozen=True)
class VersionRow:
    """One version, as `segue models list` shows it."""

    version: str
    published: str  # ISO 8601, UTC
    bytes: int
    aliases: tuple[str, ...]
    signed: bool
    heads: tuple[str, ...]
    trained_on: str
    problem: str = ""  # why its manifest may not be believed

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        return asdict(self)


def list_versions(store: ObjectStore, registry: ModelRegistry, name: str) -> list[VersionRow]:
    """Return the versions of a model, oldest first. One that is not sound is listed with why.

    Raises:
        Unavailable: The store does not answer.
    """
    meant = aliases_of(store, name)
    return [_row(store, registry, name, version, meant) for version in registry.versions(name)]


def aliases_of(store: ObjectStore, name: str) -> dict[str, tuple[str, ...]]:
    """Return the aliases of each version that has any; a canary's with its share."""
    log, meant = AliasLog(store, name), dict[str, tuple[str, ...]]()
    for alias in ALIASES:
        move = log.newest(alias)
        if move is not None and move.version is not None:
            text = f"{alias} {move.share:.0%}" if move.share else alias
            meant[move.version] = (*meant.get(move.version, ()), text)
    return meant


def read_document(store: ObjectStore, manifest: Manifest, file: str) -> bytes | None:
    """Return one small file that the manifest names, or None if it names none.

    Raises:
        Refused: It is not the file that the manifest names.
        Unavailable: The store does not answer.
    """
    if file not in manifest.sha256:
        return None
    with reaching(file):
        where = version_key(manifest.name, manifest.version)
        data = bytes(store.get(f"{where}/{file}").bytes())
    check_files({file: manifest.sha256[file]}, {file: sha256(data).hexdigest()})
    return data


def sizes_of(store: ObjectStore, name: str, version: str) -> tuple[dict[str, int], datetime | None]:
    """Return the bytes of each file, and when the manifest, the last one, was written."""
    start = version_key(name, version)
    with reaching(version):
        found = store.list(start).collect()
    names = {meta["path"].removeprefix(f"{start}/"): meta for meta in found}
    written = names[MANIFEST]["last_modified"] if MANIFEST in names else None
    return {file: meta["size"] for file, meta in sorted(names.items())}, written


def _row(
    store: ObjectStore,
    registry: ModelRegistry,
    name: str,
    version: str,
    meant: Mapping[str, tuple[str, ...]],
) -> VersionRow:
    sizes, written = sizes_of(store, name, version)
    manifest, problem = _manifest(registry, name, version)
    return VersionRow(
        version=version,
        published="" if written is None else written.isoformat(timespec="seconds"),
        bytes=sum(sizes.values()),
        aliases=meant.get(version, ()),
        signed=SIGNATURE in sizes,
        heads=manifest.heads if manifest else (),
        trained_on=manifest.trained_on if manifest else "",
        problem=problem,
    )


def _manifest(registry: ModelRegistry, name: str, version: str) -> tuple[Manifest | None, str]:
    try:
        return registry.manifest(name, version), ""
    except Refused as error:
        return None, str(error)
