"""Claim a TCP port that nobody listens on. It does not know what it is for.

Between finding a free port and a server binding it lie seconds, in which a second stack on the
same machine would find it free too; worse, each would then take the other's server for its own.
So a port is claimed by a locked file until it is released, or until this process ends.
"""

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from service.embedded.steps import StepFailed

_TRIED: Final = 200

_claimed: dict[int, IO[str]] = {}


def claim_port(wanted: int, host: str = "127.0.0.1") -> int:
    """Return `wanted`, or the next port above it that is free and that no other stack has claimed.

    Args:
        wanted: The first port to try.
        host: The address to bind.

    Raises:
        StepFailed: None of the ports tried is free.
    """
    last = min(wanted + _TRIED, 65_536)
    for port in range(wanted, last):
        if _can_bind(host, port) and _claim(port):
            return port
    raise StepFailed(
        what=f"no free TCP port from {wanted} to {last - 1} on {host}",
        why="every one of them is in use",
        remedy="stop what listens there (`ss -ltnp` shows it)",
    )


def release_ports(ports: Iterable[int]) -> None:
    """Let others have the ports. Harmless for a port that is not claimed."""
    for port in ports:
        if (lock := _claimed.pop(port, None)) is not None:
            lock.close()


def _claim(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"segue-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _claimed[port] = lock
    return True


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
