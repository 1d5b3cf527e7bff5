"""Ed25519 signatures over manifests: who may say which model is served.

The private key is with who publishes, the public keys are with who serves. A signature file is
JSON: `{"algorithm": "ed25519", "key_id": ..., "signature": base64}`.
"""

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from msgspec import Struct

from service.core.errors import Refused

SIGNATURE_BYTES_MAX: Final = 4096
_KEY_ID_DIGITS: Final = 16


class Signature(Struct, frozen=True):
    """What stands in a signature file."""

    algorithm: str
    key_id: str
    signature: bytes  # base64 in JSON


class TrustedKeys:
    """The public keys whose signatures count. Empty: nobody is asked for a signature."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def load(cls, paths: Iterable[Path]) -> "TrustedKeys":
        """Read public keys from PEM files.

        Raises:
            Refused: A file is missing or holds something else.
        """
        keys = [read_public_key(path) for path in paths]
        return cls({key_id(key): key for key in keys})

    def __len__(self) -> int:
        """Return how many keys are trusted."""
        return len(self._keys)

    def verify(self, data: bytes, signature: bytes | None, where: str) -> str:
        """Check the signature file's bytes over the data; return the id of the key that signed.

        Raises:
            Refused: It is missing, broken, of a key that is not trusted, or not of this data.
        """
        if signature is None:
            raise Refused(f"{where} is not signed; publish it again with --key")
        given = _parse(signature, where)
        key = self._keys.get(given.key_id)
        if key is None:
            raise Refused(
                f"{where} is signed by key {given.key_id!r:.40}, trusted are {sorted(self._keys)};"
                " add its public key to SEGUE_REGISTRY__TRUSTED_KEYS if you know whose it is"
            )
        try:
            key.verify(given.signature, data)
        except InvalidSignature:
            raise Refused(
                f"{where} was changed after key {given.key_id} signed it; publish it again"
            ) from None
        return given.key_id


def sign(key: Ed25519PrivateKey, data: bytes) -> bytes:
    """Return the signature file's bytes. The same key and data give the same bytes."""
    made = Signature("ed25519", key_id(key.public_key()), key.sign(data))
    return msgspec.json.encode(made) + b"\n"


def signer(signature: bytes, where: str) -> str:
    """Return the id of the key that a signature file names; nothing is verified.

    Raises:
        Refused: It does not parse.
    """
    return _parse(signature, where).key_id


def key_id(key: Ed25519PublicKey) -> str:
    """Return the start of the SHA-256 of the raw public key."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(raw).hexdigest()[:_KEY_ID_DIGITS]


def make_key(path: Path) -> tuple[str, Path]:
    """Write a new private key, readable by its owner alone, and `PATH.pub` beside it.

    Returns:
        The key's id and the public key's path.

    Raises:
        Refused: One of the files exists: a key is never overwritten.
    """
    key, public_path = Ed25519PrivateKey.generate(), path.with_name(path.name + ".pub")
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.parent.mkdir(parents=True, exist_ok=True)
    if public_path.exists():
        raise Refused(f"{public_path} exists, and a key is never overwritten; name another file")
    _create(path, private, 0o600)
    _create(public_path, public, 0o644)
    return key_id(key.public_key()), public_path


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a key that signs.

    Raises:
        Refused: The file is missing or holds no unencrypted Ed25519 private key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(f"no private key in {path} ({error}); `segue models keygen`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{path} holds another kind of key; make one with `segue models keygen`")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a key that verifies.

    Raises:
        Refused: The file is missing or holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise Refused(f"no public key in {path} ({error}); `segue models keygen`") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Refused(f"{path} holds another kind of key; make one with `segue models keygen`")
    return key


def _parse(signature: bytes, where: str) -> Signature:
    try:
        given = msgspec.json.decode(signature, type=Signature)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{where}: its signature does not parse ({error}); publish it") from error
    if given.algorithm != "ed25519":
        raise Refused(f"{where}: algorithm {given.algorithm!r:.40}, ed25519 is read; publish it")
    return given


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise Refused(f"{path} exists, and a key is never overwritten; name another file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
