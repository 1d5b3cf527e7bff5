"""A child process in a group of its own that never outlives this process.

Three nets, because each has a hole: `stop()` on the normal way out, atexit when nobody called it,
and the kernel's parent-death signal (Linux) when this process is killed outright. The last one
fires when the *thread* that started the child ends, so start children on a lasting thread.
It knows nothing of Kafka or Valkey.
"""

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.embedded.ports import release_ports
from service.embedded.steps import StepFailed

POLL_S: Final = 0.05
_LAUNCH: Final = str(Path(__file__).with_name("launch.py"))
_TAIL_LINES: Final = 12
_TAIL_BYTES: Final = 8_192

_running: "set[Child]" = set()


class Child:
    """A started program, its output in a log file."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self.ports: tuple[int, ...] = ()  # claimed for it; released when it is stopped
        self._process = process

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        ports: tuple[int, ...] = (),
    ) -> "Child":
        """Start `command` with stdout and stderr appended to `log_path`.

        Args:
            name: What people call it, for messages.
            command: Program and arguments.
            log_path: Its folder is made if missing.
            environment: Added to ours.
            ports: Claimed ports that it will listen on.
        """
        log_path.parent.mkdir(parents=True, exist_ok=True)
        launcher = [sys.executable, "-I", "-S", _LAUNCH, str(os.getpid())]
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [*launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        child = cls(name, process, log_path)
        child.ports = ports
        _running.add(child)
        return child

    @property
    def pid(self) -> int:
        """Process id, which is also its group's id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return how it ended (negative: by that signal), or None while it runs."""
        return self._process.poll()

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Wait until `ready` says so.

        Raises:
            StepFailed: The child ended first or the time is up; shows the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while not await ready():
            if self.exit_code() is not None:
                raise self.failure(f"{self.name} ended with exit code {self.exit_code()}")
            if time.monotonic() > deadline:
                raise self.failure(f"{self.name} was not ready after {timeout_s:.0f} s")
            await asyncio.sleep(POLL_S)

    def failure(self, what: str) -> StepFailed:
        """Make the error that tells `what` and shows the end of the log."""
        shown = tail(self.log_path) or "it printed nothing"
        return StepFailed(what=what, why=shown, remedy=f"see {self.log_path}")

    def stop(self, grace_s: float = 10.0) -> None:
        """End the whole group: SIGTERM, then SIGKILL after `grace_s`. Harmless when repeated."""
        _running.discard(self)
        self._end(grace_s)
        release_ports(self.ports)

    def _end(self, grace_s: float) -> None:
        if self.exit_code() is not None:
            return  # reaped: its id may be another group's by now
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._signal(signal.SIGKILL)  # what is left of the group, the leader included
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for zombies
            os.killpg(self.pid, number)


def stop_all(children: Sequence[Child], grace_s: float = 10.0) -> None:
    """Stop several at once: all are asked first, then each is waited for."""
    for child in children:
        if child.exit_code() is None:
            child._signal(signal.SIGTERM)  # noqa: SLF001  same module
    deadline = time.monotonic() + grace_s
    for child in children:
        child.stop(max(0.0, deadline - time.monotonic()))


def tail(path: Path) -> str:
    """Return the last lines of a log file, or nothing when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


@atexit.register
def _stop_the_forgotten() -> None:
    stop_all(list(_running), grace_s=5.0)
