"""Signatures: what a trusted key signed is believed, and nothing else."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from service.adapters.signing import TrustedKeys, make_key, read_private_key, sign
from service.core.errors import Refused

DATA = b'{"name": "ranker"}\n'


def pair(folder: Path, name: str) -> tuple[str, Path, Path]:
    private = folder / name
    made, public = make_key(private)
    return made, private, public


def test_what_a_trusted_key_signed_is_believed(tmp_path: Path) -> None:
    (one, private, public), (_, _, other) = pair(tmp_path, "a"), pair(tmp_path, "b")
    signature = sign(read_private_key(private), DATA)
    assert TrustedKeys.load([other, public]).verify(DATA, signature, "m") == one
    assert sign(read_private_key(private), DATA) == signature


@pytest.mark.parametrize("at", range(len(DATA)))
def test_a_changed_byte_is_noticed(tmp_path: Path, at: int) -> None:
    _, private, public = pair(tmp_path, "a")
    signature = sign(read_private_key(private), DATA)
    changed = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    with pytest.raises(Refused, match="was changed after key"):
        TrustedKeys.load([public]).verify(changed, signature, "m")


def test_another_key_s_signature_is_refused_and_the_key_named(tmp_path: Path) -> None:
    (stranger, private, _), (_, _, public) = pair(tmp_path, "a"), pair(tmp_path, "b")
    signature = sign(read_private_key(private), DATA)
    with pytest.raises(Refused, match=f"signed by key '{stranger}'"):
        TrustedKeys.load([public]).verify(DATA, signature, "m")


def test_a_trusted_key_s_name_on_a_stranger_s_signature_does_not_help(tmp_path: Path) -> None:
    (_, private, _), (known, _, public) = pair(tmp_path, "a"), pair(tmp_path, "b")
    forged = {**json.loads(sign(read_private_key(private), DATA)), "key_id": known}
    with pytest.raises(Refused, match="was changed after"):
        TrustedKeys.load([public]).verify(DATA, json.dumps(forged).encode(), "m")


@pytest.mark.parametrize(
    ("signature", "says"),
    [
        (None, "is not signed"),
        (b"", "does not parse"),
        (b"\xff\xff", "does not parse"),
        (b'{"algorithm": "ed25519", "key_id": "x", "signature": "!"}', "does not parse"),
        (b'{"algorithm": "none", "key_id": "x", "signature": ""}', "ed25519 is read"),
    ],
)
def test_what_is_no_signature_is_refused(
    tmp_path: Path, signature: bytes | None, says: str
) -> None:
    _, _, public = pair(tmp_path, "a")
    with pytest.raises(Refused, match=says):
        TrustedKeys.load([public]).verify(DATA, signature, "m")


def test_a_key_is_its_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    _, private, public = pair(tmp_path, "a")
    before = private.read_bytes(), public.read_bytes()
    assert private.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="never overwritten"):
        make_key(private)
    public.rename(tmp_path / "kept")
    with pytest.raises(Refused, match="never overwritten"):
        make_key(private)
    assert (private.read_bytes(), (tmp_path / "kept").read_bytes()) == before


def test_a_file_that_holds_no_such_key_is_refused(tmp_path: Path) -> None:
    _, private, public = pair(tmp_path, "a")
    other = X25519PrivateKey.generate()
    foreign, foreign_public = tmp_path / "x", tmp_path / "x.pub"
    foreign.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    foreign_public.write_bytes(
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(Refused, match="no private key in"):
        read_private_key(public)
    with pytest.raises(Refused, match="another kind"):
        read_private_key(foreign)
    with pytest.raises(Refused, match="no public key in"):
        TrustedKeys.load([private])
    with pytest.raises(Refused, match="another kind"):
        TrustedKeys.load([foreign_public])
    with pytest.raises(Refused, match="no public key in"):
        TrustedKeys.load([tmp_path / "nowhere"])
