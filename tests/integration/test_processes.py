"""Child processes: they start, they stop, and none outlives its parent."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.embedded.process import Child
from service.embedded.steps import StepFailed

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
DEAF = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
    "signal.pause()",
]
# A parent that starts a child, says both ids, and waits to be killed.
PARENT = """
import os, signal, sys
from pathlib import Path
from service.embedded.process import Child
child = Child.start("sleeper", sys.argv[2:], Path(sys.argv[1]))
print(child.pid, flush=True)
signal.pause()
"""


async def test_a_stopped_child_is_gone(tmp_path: Path) -> None:
    child = Child.start("sleeper", SLEEPER, tmp_path / "log")
    child.stop()
    assert not alive(child.pid)


async def test_a_child_that_ignores_sigterm_is_killed_at_the_deadline(tmp_path: Path) -> None:
    child = Child.start("deaf", DEAF, tmp_path / "log")

    async def is_deaf() -> bool:
        return b"deaf" in (tmp_path / "log").read_bytes()

    await child.wait_until(is_deaf, timeout_s=20)
    child.stop(grace_s=0.1)
    assert child.exit_code() == -signal.SIGKILL


async def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    child = Child.start("sleeper", SLEEPER, tmp_path / "log")
    child.stop()
    child.stop()


async def test_a_child_that_ends_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
    child = Child.start("writer", command, tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(StepFailed) as failed:
        await child.wait_until(never, timeout_s=20)
    assert failed.value.what == "writer ended with exit code 1"
    assert failed.value.why == "the disk is full"


async def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    child = Child.start("sleeper", SLEEPER, tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(StepFailed, match="sleeper was not ready after 0 s"):
        await child.wait_until(never, timeout_s=0.1)
    child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
@pytest.mark.parametrize("last", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_dies_with_its_parent_however_that_dies(
    tmp_path: Path, last: signal.Signals
) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log"), *SLEEPER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        parent.send_signal(last)
        parent.wait(20)
    wait_until_gone(child_pid)
    assert not alive(child_pid)


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    """Wait until a process that need not be ours has ended; the test's timeout is the deadline."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([handle], [], [])
    finally:
        os.close(handle)
