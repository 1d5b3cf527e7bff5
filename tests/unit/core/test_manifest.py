"""The manifest: old ones are read, and one that names what it must not is refused."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from service.core.errors import Refused
from service.core.manifest import (
    FILES_MAX,
    MANIFEST_BYTES_MAX,
    canonical_manifest,
    check_files,
    content_version,
    parse_manifest,
)

SHIPPED = Path(__file__).parents[3] / "models" / "artifacts" / "ranker"
DIGEST = "a" * 64


def made(**changes: Any) -> bytes:
    content = {"name": "ranker", "version": "a" * 12, "sha256": {"ranker.onnx": DIGEST}}
    return json.dumps({**content, **changes}).encode()


def test_the_shipped_manifest_is_read_and_its_version_is_of_its_content() -> None:
    manifest = parse_manifest((SHIPPED / "manifest.json").read_bytes(), "shipped")
    files = [path for path in SHIPPED.iterdir() if path.name != "manifest.json"]
    check_files(manifest, {path.name: sha256(path.read_bytes()).hexdigest() for path in files})
    assert manifest.opset == 21
    assert manifest.blocks == ("base",)
    assert "skip" in manifest.heads


def test_what_is_unknown_is_ignored_and_what_is_missing_has_a_default() -> None:
    manifest = parse_manifest(made(colour="red"), "m")
    assert (manifest.item_space, manifest.metrics, manifest.heads) == ("any", {}, ())


@pytest.mark.parametrize(
    "file",
    [
        *("../ranker.onnx", "/etc/passwd", "index/../../x", "a/b/c", ".hidden", "index/.npy"),
        *(
            "a\\b",
            "C:x",
            "",
            "index/",
            "a\n",
            "manifest.json",
            "manifest.sig",
            "\N{GREEK SMALL LETTER ALPHA}",
        ),
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(file: str) -> None:
    with pytest.raises(Refused, match="which no model folder may hold"):
        parse_manifest(made(sha256={file: DIGEST}), "m")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "../up"}, "no name of a model"),
        ({"version": "latest"}, "no version"),
        ({"version": "A" * 12}, "no version"),
        ({"sha256": {}}, "names 0 files"),
        ({"sha256": {f"f{n}": DIGEST for n in range(FILES_MAX + 1)}}, "names 65 files"),
        ({"sha256": {"ranker.onnx": "abc"}}, "is no SHA-256"),
        ({"sha256": {"ranker.onnx": 7}}, "Expected `str`"),
    ],
)
def test_what_is_no_manifest_is_refused_with_what_is_wrong(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        parse_manifest(made(**changes), "m")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no manifest"),
        (b"[]", "no manifest"),
        (b"\xff", "no manifest"),
        (b'{"name": ' + b"[" * 100_000, "no manifest"),
        (b" " * (MANIFEST_BYTES_MAX + 1), "at most 1048576"),
    ],
)
def test_bytes_that_are_no_manifest_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        parse_manifest(data, "m")


def test_canonical_bytes_do_not_depend_on_the_order_of_keys() -> None:
    assert canonical_manifest({"b": 1, "a": {"d": 2, "c": 3}}) == canonical_manifest(
        {"a": {"c": 3, "d": 2}, "b": 1}
    )


def test_the_version_changes_with_a_weight_and_not_with_a_document() -> None:
    files = {"ranker.onnx": DIGEST, "encoder.onnx": "b" * 64, "card.md": "c" * 64}
    version = content_version(files)
    assert len(version) == 12
    assert content_version(dict(reversed(files.items()))) == version
    assert content_version({**files, "card.md": "d" * 64}) == version
    assert content_version({**files, "encoder.onnx": "d" * 64}) != version
    assert content_version({"encoder.onnx": DIGEST, "ranker.onnx": "b" * 64}) != version


def test_each_file_that_is_not_as_named_is_told() -> None:
    manifest = parse_manifest(made(sha256={"a": DIGEST, "b": DIGEST}), "m")
    with pytest.raises(Refused) as refusal:
        check_files(manifest, {"b": "b" * 64, "c": DIGEST})
    assert "a is missing; c is not named" in str(refusal.value)
    assert "b is not the file that the manifest names" in str(refusal.value)
    check_files(manifest, {"a": DIGEST, "b": DIGEST})
