"""What the service keeps: a worker's resident memory, and bytes in the store per user."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.adapters.redis import connect

_SCAN: Final = 1_000
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys of one kind in the store."""

    keys: int
    bytes_per_key: float  # as MEMORY USAGE counts: key, value and the server's own overhead


async def kept_in_store(redis_url: str, prefix: str) -> Kept:
    """Measure every key that begins with `prefix`."""
    client = connect(redis_url)
    keys, total_bytes = 0, 0
    try:
        cursor = 0
        while True:
            cursor, found = await client.scan(cursor, match=f"{prefix}*", count=_SCAN)
            pipeline = client.pipeline(transaction=False)
            for key in found:
                pipeline.memory_usage(key, samples=0)
            used = [size or 0 for size in await pipeline.execute()]
            keys, total_bytes = keys + len(found), total_bytes + sum(used)
            if cursor == 0:
                return Kept(keys, total_bytes / keys if keys else 0.0)
    finally:
        await client.aclose()


def resident_mib(pid: int) -> tuple[float, float] | None:
    """Return a process's resident memory, (now, at its peak), in MiB; None where /proc is not."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    sizes = {name: int(kib) for name, kib in _SIZES.findall(status.read_text())}
    return sizes["VmRSS"] / _KIB, sizes["VmHWM"] / _KIB


_SIZES: Final = re.compile(r"^(VmRSS|VmHWM):\s+(\d+) kB$", re.MULTILINE)
