"""The manifest of a model: which files make it up, by hash, and what it expects and promises.

`manifest.json` names every other file of the model's folder. Who signs its bytes has signed them
all. Reading is tolerant, for older manifests stay valid: what is missing has a default, what is
unknown is kept in the bytes and ignored here.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from service.core.errors import Refused

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
DOCUMENTS: Final = frozenset({"card.md", "gate.json", "lineage.json"})
"""They say what a model is, not what it computes: they do not count towards its version."""

MANIFEST_BYTES_MAX: Final = 1024 * 1024
FILES_MAX: Final = 64
VERSION_DIGITS: Final = 12

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION: Final = re.compile(r"[0-9a-f]{12}")
_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99})?")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Manifest(Struct, frozen=True, kw_only=True):
    """What `manifest.json` says. `sha256` holds a hex digest per file, the manifest's own not."""

    name: str
    version: str
    sha256: Mapping[str, str]
    bytes: int = 0  # of the graph
    opset: int = 0
    item_space: str = "any"
    heads: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ("base",)
    feature_schema: str = ""
    features: Mapping[str, Any] = field(default_factory=dict)
    trained_on: str = ""
    seed: int | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    calibration: Any = None
    exported_as: Mapping[str, str] = field(default_factory=dict)


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest and check that its names are names and its paths stay inside the folder.

    Raises:
        Refused: It is no manifest, or it names a file that no model folder may hold.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise Refused(f"{where}: {len(data)} bytes, a manifest has at most {MANIFEST_BYTES_MAX}")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"{where} is no manifest ({error}); export the model again") from error
    _check_names(manifest, where)
    return manifest


def canonical_manifest(content: Mapping[str, Any]) -> bytes:
    r"""Return the bytes that are signed and published: keys sorted, one per line, ASCII.

    >>> canonical_manifest({"version": "1", "name": "ranker"})
    b'{\n "name": "ranker",\n "version": "1"\n}\n'
    """
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def content_version(digests: Mapping[str, str]) -> str:
    """Return the version of a model with these files: the same content is the same version.

    Of a single file it is the start of its digest, as `sha256sum` prints it.

    >>> content_version({"ranker.onnx": "5c845b89e6fe" + "0" * 52, "card.md": "f" * 64})
    '5c845b89e6fe'
    """
    counted = sorted((file, digest) for file, digest in digests.items() if file not in DOCUMENTS)
    if len(counted) == 1:
        return counted[0][1][:VERSION_DIGITS]
    listing = "".join(f"{digest}  {file}\n" for file, digest in counted)
    return sha256(listing.encode()).hexdigest()[:VERSION_DIGITS]


def check_files(manifest: Mapping[str, str] | Manifest, digests: Mapping[str, str]) -> None:
    """Compare the files that are there with the files that the manifest names.

    Args:
        manifest: The manifest, or its `sha256` alone.
        digests: Hex SHA-256 of every file found, without the manifest and its signature.

    Raises:
        Refused: A file is missing, was changed or does not belong; the text names each.
    """
    named = manifest.sha256 if isinstance(manifest, Manifest) else manifest
    problems = [
        *(f"{file} is missing" for file in sorted(named.keys() - digests.keys())),
        *(f"{file} is not named by the manifest" for file in sorted(digests.keys() - named.keys())),
        *(
            f"{file} is not the file that the manifest names"
            for file in sorted(named.keys() & digests.keys())
            if named[file] != digests[file]
        ),
    ]
    if problems:
        raise Refused("; ".join(problems) + "; fetch or export the model again")


def check_model_name(name: str) -> str:
    """Return the name of a model, or refuse it: it becomes a folder and a key."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name of a model: a-z, 0-9, '.', '_' and '-', at most 64")
    return name


def check_version(version: str) -> str:
    """Return the version, or refuse it: 12 hexadecimal digits, as `segue models list` shows."""
    if not _VERSION.fullmatch(version):
        raise Refused(f"{version!r} is no version: 12 hexadecimal digits; `segue models list`")
    return version


def _check_names(manifest: Manifest, where: str) -> None:
    check_model_name(manifest.name)
    check_version(manifest.version)
    if not 0 < len(manifest.sha256) <= FILES_MAX:
        raise Refused(f"{where} names {len(manifest.sha256)} files; 1 to {FILES_MAX} are allowed")
    for file, digest in manifest.sha256.items():
        if not _FILE.fullmatch(file) or file in (MANIFEST, SIGNATURE):
            raise Refused(f"{where} names {file!r}, which no model folder may hold; do not use it")
        if not _DIGEST.fullmatch(digest):
            raise Refused(f"{where}: {digest!r} of {file} is no SHA-256; export the model again")
