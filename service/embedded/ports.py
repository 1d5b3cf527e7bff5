"""Find a TCP port that nobody listens on. It does not know what it is for."""

import socket
from collections.abc import Collection
from typing import Final

from service.embedded.steps import StepFailed

_TRIED: Final = 200


def next_free_port(wanted: int, taken: Collection[int] = (), host: str = "127.0.0.1") -> int:
    """Return `wanted`, or the next port above it that can be bound.

    Between this answer and its use somebody else may take the port; whoever binds it then fails
    with a clear error, so no lock is kept.

    Args:
        wanted: The first port to try.
        taken: Ports promised already, but perhaps not bound yet.
        host: The address to bind.

    Raises:
        StepFailed: None of the ports tried is free.
    """
    last = min(wanted + _TRIED, 65_536)
    for port in range(wanted, last):
        if port not in taken and _can_bind(host, port):
            return port
    raise StepFailed(
        what=f"no free TCP port from {wanted} to {last - 1} on {host}",
        why="every one of them is in use",
        remedy="stop what listens there (`ss -ltnp` shows it)",
    )


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
