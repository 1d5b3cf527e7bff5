"""Which Java is there."""

from pathlib import Path

import pytest

from service.embedded.jars import differing, read_manifest
from service.embedded.java import java_version, why_no_kafka


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "26-ea" 2026-03-17', 26),
        ("Error: could not find libjava.so", None),
    ],
)
def test_the_major_version_is_read(says: str, version: int | None) -> None:
    assert java_version(says) == version


def test_a_machine_without_java_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert why_no_kafka() == "no `java` on PATH"


def test_a_jar_that_is_missing_or_changed_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "good.jar").write_bytes(b"")
    (tmp_path / "bad.jar").write_bytes(b"evil")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    listing = tmp_path / "jars.sha256"
    listing.write_text("".join(f"{empty}  {name}.jar\n" for name in ("good", "bad", "gone")))
    assert differing(tmp_path, read_manifest(listing)) == ["bad.jar", "gone.jar"]
