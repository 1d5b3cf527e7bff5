"""Apache Kafka's jars: fetched once with Maven, and used only when every checksum is ours.

Maven is asked, rather than a download written here, because it honours the user's own mirror,
proxy and cache settings. The classpath is built from the committed manifest, so that a jar which
is not in it is never loaded.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from service.embedded.process import Child
from service.embedded.steps import StepFailed

KAFKA_VERSION: Final = "4.3.1"
_MANIFEST: Final = Path(__file__).resolve().parents[2] / "docker" / "kafka-jars.sha256"
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_FETCH_TIMEOUT_S: Final = 900.0
_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>segue.embedded</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <!-- Kafka logs through slf4j 1.7; without a binding it logs nothing at all. -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""


async def fetch_jars(cache: Path, log_path: Path) -> list[Path]:
    """Return Kafka's jars, verified; fetch them first when they are not in `cache`.

    Args:
        cache: Folder shared by all runs; the jars go to `jars-<version>` in it.
        log_path: Where Maven's output goes.

    Raises:
        StepFailed: Maven failed, or a jar is not the one in the manifest.
    """
    cache = cache.resolve()  # Maven takes a relative path from the pom's folder
    folder = cache / f"jars-{KAFKA_VERSION}"
    manifest = read_manifest(_MANIFEST)
    if await asyncio.to_thread(differing, folder, manifest):
        await _fetch(cache, folder, manifest, log_path)
    return [folder / name for name in manifest]


def read_manifest(path: Path) -> dict[str, str]:
    """Read `sha256sum` lines into {file name: digest}."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {name: digest for digest, name in rows}


def differing(folder: Path, manifest: dict[str, str]) -> list[str]:
    """Return the names that are missing from `folder` or are not what the manifest says."""
    return [name for name, digest in manifest.items() if _sha256(folder / name) != digest]


async def _fetch(cache: Path, folder: Path, manifest: dict[str, str], log_path: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_text(_POM)
        fetched = Path(scratch) / "jars"
        await _run_maven(_maven_command(pom, fetched, cache), log_path)
        wrong = await asyncio.to_thread(differing, fetched, manifest)
        if wrong:
            raise StepFailed(
                what=f"{len(wrong)} of Kafka's jars are not what they should be: {wrong[0]}",
                why="its sha256 differs from docker/kafka-jars.sha256, or it did not arrive",
                remedy="clear it from Maven's repository and mirror, or run with --broker mock",
            )
        shutil.rmtree(folder, ignore_errors=True)  # ours, and found incomplete above
        fetched.rename(folder)


def _maven_command(pom: Path, into: Path, cache: Path) -> list[str]:
    command = ["mvn", "-B", "-ntp", "-f", str(pom), _PLUGIN]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    if not os.access(Path.home(), os.W_OK):
        command.append(f"-Dmaven.repo.local={cache / 'm2'}")
    return command


async def _run_maven(command: list[str], log_path: Path) -> None:
    maven = Child.start("Maven", command, log_path)

    async def ended() -> bool:
        return maven.exit_code() == 0

    try:
        await maven.wait_until(ended, _FETCH_TIMEOUT_S)
    finally:
        maven.stop()


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
