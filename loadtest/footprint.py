"""What the service keeps: a worker's resident memory, and bytes in the store per user."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.adapters.redis import connect

_SCAN: Final = 1_000
_KIB: Final = 1024
_SIZES: Final = re.compile(r"^(VmRSS|VmHWM):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys of one kind in the store."""

    keys: int
    bytes_per_key: float  # as MEMORY USAGE counts: key, value and the server's own overhead


async def footprint(redis_url: str, worker_pid: int) -> dict[str, Any]:
    """Return the figures that reports show."""
    sessions = await kept_in_store(redis_url, "session:")
    slates = await kept_in_store(redis_url, "slate:")
    memory = resident_mib(worker_pid)
    return {
        "worker_rss_mib": round(memory[0], 1) if memory else None,
        "worker_rss_peak_mib": round(memory[1], 1) if memory else None,
        "users_in_store": sessions.keys,
        "session_bytes_per_user": round(sessions.bytes_per_key),
        "slate_bytes_per_user": round(slates.bytes_per_key),
    }


async def kept_in_store(redis_url: str, prefix: str) -> Kept:
    """Measure every key that begins with `prefix`."""
    client = connect(redis_url)
    keys, total_bytes, cursor, began = 0, 0, 0, False
    try:
        while cursor or not began:
            began = True
            cursor, found = await client.scan(cursor, match=f"{prefix}*", count=_SCAN)
            pipeline = client.pipeline(transaction=False)
            for key in found:
                pipeline.memory_usage(key, samples=0)
            used = [size or 0 for size in await pipeline.execute()]
            keys, total_bytes = keys + len(found), total_bytes + sum(used)
    finally:
        await client.aclose()
    return Kept(keys, total_bytes / keys if keys else 0.0)


def resident_mib(pid: int) -> tuple[float, float] | None:
    """Return a process's resident memory, (now, at its peak), in MiB; None where /proc is not."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    sizes = {name: int(kib) for name, kib in _SIZES.findall(status.read_text())}
    return sizes["VmRSS"] / _KIB, sizes["VmHWM"] / _KIB
