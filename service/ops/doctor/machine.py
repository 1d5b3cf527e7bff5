"""Checks of the machine: what a worker and the embedded stack need from it."""

import os
import platform
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.embedded.java import why_no_kafka
from service.ops.doctor.check import Check

_GiB: Final = 1024**3
_RAM_MIN_BYTES: Final = 2 * _GiB
_DISK_MIN_BYTES: Final = 2 * _GiB
_FILES_MIN: Final = 1024
_MEMINFO: Final = Path("/proc/meminfo")


def machine_checks(work_dir: Path) -> Iterator[Check]:
    """Look at Python, cores, memory, disk, open files and Java."""
    yield _python()
    yield Check("cores", "ok", f"{os.cpu_count()}; a worker uses one")
    yield _memory(_MEMINFO)
    yield _disk(work_dir)
    yield _open_files()
    yield _java()


def _python() -> Check:
    version = platform.python_version()
    found = f"{version} on {platform.system()} {platform.machine()}"
    if platform.python_version_tuple()[:2] in {("3", "11"), ("3", "12"), ("3", "13")}:
        return Check("python", "ok", found)
    return Check("python", "fail", found, "use Python 3.11, 3.12 or 3.13")


def _memory(meminfo: Path) -> Check:
    free = available_bytes(meminfo)
    if free is None:
        return Check("memory", "info", "not known on this system")
    found = f"{free / _GiB:.1f} GiB available"
    if free < _RAM_MIN_BYTES:
        return Check("memory", "warn", found, "the embedded stack wants about 2 GiB; free some")
    return Check("memory", "ok", found)


def available_bytes(meminfo: Path) -> int | None:
    """Read MemAvailable from a file in the format of /proc/meminfo."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    return None


def _disk(work_dir: Path) -> Check:
    place = work_dir.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / _GiB:.1f} GiB free at {place}"
    if free < _DISK_MIN_BYTES:
        return Check("disk", "warn", found, "free some, or point SEGUE_WORK_DIR elsewhere")
    return Check("disk", "ok", found)


def _open_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    if soft != resource.RLIM_INFINITY and soft < _FILES_MIN:
        return Check("open files", "warn", found, f"ulimit -n {_FILES_MIN} or more")
    return Check("open files", "ok", found)


def _java() -> Check:
    reason = why_no_kafka()
    if reason is None:
        return Check("java", "info", "Java and Maven are there: the embedded broker is real Kafka")
    return Check("java", "info", f"{reason}: the embedded broker is the in-memory mock")
