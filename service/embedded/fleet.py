"""Run workers and the HTTP API as child processes on a stack, and wait until each is ready.

It asks them over their own health ports; it does not import what they run.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.embedded.ports import claim_port
from service.embedded.process import Child, stop_all
from service.settings import Settings, variable_of

_HEALTH_PORT: Final = 9700
_READY_TIMEOUT_S: Final = 90.0
_DRAIN_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Member:
    """One process of the fleet."""

    child: Child
    health_url: str  # serves /livez, /readyz and /metrics


@dataclass(frozen=True, slots=True)
class Fleet:
    """Processes that said they are ready."""

    workers: tuple[Member, ...]
    api: Member | None

    @property
    def members(self) -> tuple[Member, ...]:
        """Every process, the workers first."""
        return self.workers if self.api is None else (*self.workers, self.api)

    def ended(self) -> Member | None:
        """Return a process that has ended by itself, if there is one."""
        return next((m for m in self.members if m.child.exit_code() is not None), None)


@asynccontextmanager
async def running_fleet(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    workers: int = 1,
    with_api: bool = True,
) -> AsyncIterator[Fleet]:
    """Run workers and the API for the length of the block; drain them at its end.

    Call it on the main thread: children die with the thread that started them.

    Args:
        settings: Where the API wants to listen, and the work folder for the logs.
        environment: Variables for the children, as `Stack.environment()` gives them.
        workers: How many worker processes.
        with_api: Whether the HTTP API runs too.

    Raises:
        StepFailed: A process ended or was not ready in time; shows the end of its log.
    """
    logs = settings.work_dir.resolve() / "logs"
    async with AsyncExitStack() as cleanup:
        members: list[Member] = []
        cleanup.callback(lambda: stop_all([m.child for m in members], _DRAIN_S))
        members.extend(_start_workers(workers, environment, logs))
        api = _start_api(settings, environment, logs) if with_api else None
        members += [api] if api is not None else []
        for member in members:  # they start side by side; only the looking is in turn
            await _wait_until_ready(member)
        yield Fleet(tuple(members[:workers]), api)


def _start_workers(count: int, environment: Mapping[str, str], logs: Path) -> Iterator[Member]:
    """Start one after another; each is handed over at once, so that it is stopped come what may."""
    for number in range(count):
        port = claim_port(_HEALTH_PORT)
        ours = {**environment, variable_of("worker", "health_port"): str(port)}
        child = _start(f"worker-{number}", "worker", ours, logs, port)
        yield Member(child, f"http://127.0.0.1:{port}")


def _start_api(settings: Settings, environment: Mapping[str, str], logs: Path) -> Member:
    host = settings.api.host
    port = claim_port(settings.api.port)
    ours = {**environment, variable_of("api", "port"): str(port)}
    shown = "127.0.0.1" if host == "0.0.0.0" else host
    return Member(_start("api", "api", ours, logs, port), f"http://{shown}:{port}")


def _start(name: str, command: str, environment: Mapping[str, str], logs: Path, port: int) -> Child:
    log_path = logs / f"{name}.log"
    log_path.unlink(missing_ok=True)  # a failure shows the end of this run's log, not of another's
    # -P: the user's own folder must not come before ours on the module path.
    program = [sys.executable, "-P", "-m", "service.cli", command]
    return Child.start(name, program, log_path, environment, (port,))


async def _wait_until_ready(member: Member) -> None:
    await member.child.wait_until(lambda: _is_ready(member.health_url), _READY_TIMEOUT_S)


async def _is_ready(url: str) -> bool:
    """Ask /readyz by hand: one line decides, and no HTTP client is among our dependencies."""
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    try:
        writer.write(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        await writer.drain()
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
