"""A model's folder on disk: the hashes of its files, and the check of all it must be."""

import os
from hashlib import sha256
from pathlib import Path

from service.adapters.signing import SIGNATURE_BYTES_MAX, TrustedKeys
from service.core.errors import Refused
from service.core.manifest import (
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SIGNATURE,
    Manifest,
    check_files,
    content_version,
    parse_manifest,
)


def check_folder(folder: Path, name: str, version: str, trusted: TrustedKeys) -> Manifest:
    """Check signature, identity and the hash of every file; load nothing.

    Raises:
        Refused: The folder is not exactly what was published as this version.
    """
    data = _read_small(folder / MANIFEST, MANIFEST_BYTES_MAX)
    signature = folder / SIGNATURE
    signed = _read_small(signature, SIGNATURE_BYTES_MAX) if signature.exists() else None
    manifest = check_manifest(data, signed, name, version, trusted)
    try:
        check_files(manifest, hash_files(folder))
    except Refused as error:
        raise Refused(f"{name} {version} in {folder}: {error}") from error
    return manifest


def check_manifest(
    data: bytes, signature: bytes | None, name: str, version: str, trusted: TrustedKeys
) -> Manifest:
    """Check that these bytes are the signed manifest of that version and of no other.

    Raises:
        Refused: The signature does not hold, or the manifest is another version's: a signed
        version must not pass for a different one.
    """
    where = f"{name} {version}"
    if len(trusted):
        trusted.verify(data, signature, where)
    manifest = parse_manifest(data, where)
    if (manifest.name, manifest.version) != (name, version):
        raise Refused(
            f"{where} holds the manifest of {manifest.name} {manifest.version}; publish it again"
        )
    if content_version(manifest.sha256) != version:
        raise Refused(f"{where}: its files are not of this version; publish it again")
    return manifest


def hash_files(folder: Path) -> dict[str, str]:
    """Return the hex SHA-256 of every file but the manifest and its signature.

    Raises:
        Refused: The folder holds a link or a device: only what is in it can be signed.
    """
    return {
        file.relative_to(folder).as_posix(): digest_of(file)
        for file in files_of(folder)
        if file.relative_to(folder).as_posix() not in (MANIFEST, SIGNATURE)
    }


def files_of(folder: Path) -> list[Path]:
    """Return every file below the folder, in order of path.

    Raises:
        Refused: Something in it is neither a file nor a folder.
    """
    found: list[Path] = []
    for top, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(top, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise Refused(f"{path} is a link or a device; copy the file into the folder")
        found.extend(Path(top, name) for name in names)
    return sorted(found)


def digest_of(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()


def _read_small(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise Refused(f"no model in {path.parent} ({error})") from error
    if len(data) > bytes_max:
        raise Refused(f"{path}: more than {bytes_max} bytes; publish the model again")
    return data
