"""Is there a Java that runs Kafka, and a Maven that fetches it? It starts neither for long."""

import re
import shutil
import subprocess
from typing import Final

JAVA_MIN: Final = 17
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def why_no_kafka() -> str | None:
    """Return why real Kafka cannot run here, or None if it can."""
    if shutil.which("java") is None:
        return "no `java` on PATH"
    version = java_version(_java_says())
    if version is None:
        return "`java -version` does not say a version"
    if version < JAVA_MIN:
        return f"java {version} on PATH is older than {JAVA_MIN}"
    if shutil.which("mvn") is None:
        return "no `mvn` on PATH"
    return None


def java_version(says: str) -> int | None:
    """Read the major version out of what `java -version` prints.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0"')
    (17, 8)
    """
    found = _VERSION.search(says)
    return int(found.group(1)) if found else None


def _java_says() -> str:
    command = ["java", "-version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stderr + done.stdout
