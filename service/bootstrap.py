"""From a clone and a Python to a working `.venv`: standard library only, shared by both commands.

    .venv > packages of a hash lock > the project itself, editable > a stamp, written last

Every step may be repeated, so a run that was cut short is simply run again. Nothing is said here
about where packages come from: uv's and pip's own settings decide. Written in the syntax of
Python 3.8, so that an older Python gets a sentence and not a SyntaxError.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
RUNTIME_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"  # holds everything that the runtime lock holds

PYTHON_MIN = (3, 11)
PYTHON_BELOW = (3, 14)


class CannotPrepare(Exception):
    """The environment cannot be made; the text says what to do."""


def run(lock: str, command: Sequence[str], arguments: Sequence[str]) -> NoReturn:
    """Prepare `.venv` if need be and become `command`, a program of its `bin` with arguments."""
    complaint = why_unsupported(sys.version_info[:2])
    if complaint:
        sys.exit(complaint)
    try:
        prepare(ROOT, lock)
    except CannotPrepare as error:
        sys.exit(f"segue: {error}")
    except KeyboardInterrupt:
        sys.exit("segue: stopped; run it again to go on")
    sys.stdout.flush()
    sys.stderr.flush()
    program = str(ROOT / ".venv" / "bin" / command[0])
    os.execv(program, [program, *command[1:], *arguments])


def why_unsupported(version: tuple[int, ...]) -> str | None:
    """Return what to tell the user of a Python that cannot run Segue, or None if it can."""
    if PYTHON_MIN <= tuple(version) < PYTHON_BELOW:
        return None
    return (
        "segue: Python {}.{} to {}.{} is needed, this is {}.{}\n"
        "  do this  run it with another one, for example `python3.12 -m service`"
    ).format(*PYTHON_MIN, PYTHON_BELOW[0], PYTHON_BELOW[1] - 1, *version[:2])


def prepare(root: Path, lock: str) -> None:
    """Bring `root/.venv` in line with a lock. Does nothing, quickly, when it already is.

    Raises:
        CannotPrepare: No environment could be made, or a package not installed.
    """
    if is_current(root, lock) and _works(root):
        return
    with _alone(root):
        if is_current(root, lock) and _works(root):
            return  # somebody else did it while we waited
        if not _python_runs(root) or _moved(root):
            _make_venv(root)
        say(f"installing packages from docker/{lock} (once)")
        _install(root, ["--require-hashes", "-r", str(root / "docker" / lock)])
        _install(root, ["--no-deps", "--no-build-isolation", "-e", str(root)])
        stamp_path(root, lock).write_text(fingerprint(root, lock))


def is_current(root: Path, lock: str) -> bool:
    """Say whether `.venv` was last filled from this very lock, or from the wider test lock."""
    wide_enough = {lock, TEST_LOCK}
    return any(_stamped(root, name) for name in wide_enough)


def fingerprint(root: Path, lock: str) -> str:
    """Return what a stamp holds: where the clone is, and its lock and project file."""
    files = (root / "docker" / lock, root / "pyproject.toml")
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return "\n".join([str(root), *digests, ""])


def stamp_path(root: Path, lock: str) -> Path:
    """Return the file that says `.venv` was filled from this lock."""
    return root / ".venv" / (lock + ".stamp")


def say(text: str) -> None:
    """Tell progress on stderr: stdout belongs to the command."""
    print("segue: " + text, file=sys.stderr, flush=True)


def _stamped(root: Path, lock: str) -> bool:
    stamp = stamp_path(root, lock)
    return stamp.is_file() and stamp.read_text() == fingerprint(root, lock)


def _moved(root: Path) -> bool:
    """Say whether the clone was moved: the scripts of `.venv` name the folder it was in."""
    stamps = (stamp_path(root, lock) for lock in (RUNTIME_LOCK, TEST_LOCK))
    return any(s.is_file() and s.read_text().splitlines()[:1] != [str(root)] for s in stamps)


def _python(root: Path) -> str:
    return str(root / ".venv" / "bin" / "python")


def _works(root: Path) -> bool:
    return (root / ".venv" / "bin" / "segue").exists() and _succeeds(
        [_python(root), "-I", "-c", "import service"]
    )


def _python_runs(root: Path) -> bool:
    code = "import sys; sys.exit(not {} <= sys.version_info[:2] < {})"
    return _succeeds([_python(root), "-I", "-c", code.format(PYTHON_MIN, PYTHON_BELOW)])


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def _make_venv(root: Path) -> None:
    target = root / ".venv"
    if target.exists():
        say("rebuilding .venv: it does not work or belongs to another folder")
        shutil.rmtree(target)
    base = getattr(sys, "_base_executable", None) or sys.executable
    uv = shutil.which("uv")
    if uv and _succeeds([uv, "venv", "--quiet", "--python", base, str(target)]):
        return
    shutil.rmtree(target, ignore_errors=True)
    if not _succeeds([base, "-m", "venv", str(target)]):
        raise CannotPrepare(
            f"cannot make .venv with {base} -m venv\n"
            "  do this  install Python's venv module (Debian: `apt-get install python3-venv`)"
            " or uv, and run this again"
        )


def _install(root: Path, what: list[str]) -> None:
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", _python(root), *_uv_cache()]
        if _ran(command + what):
            return
        say("uv could not do it; trying pip")
    pip = [_python(root), "-m", "pip"]
    if not _succeeds([*pip, "--version"]):
        _succeeds([_python(root), "-m", "ensurepip"])  # an environment made by uv has no pip
    if not _ran([*pip, "install", "--quiet", *what]):
        raise CannotPrepare(
            "packages could not be installed (the reason is above)\n"
            "  do this  check the network and pip's index settings, and run this again: it goes on"
            " where it stopped"
        )


def _ran(command: list[str]) -> bool:
    """Run with its complaints shown; its stdout goes to stderr, which is ours to write on."""
    return subprocess.run(command, check=False, stdout=sys.stderr.fileno()).returncode == 0


def _uv_cache() -> list[str]:
    """Do without uv's cache where it cannot be written, as with a read-only home."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    place = Path(os.environ.get("UV_CACHE_DIR") or os.path.join(home, "uv"))
    while not place.exists() and place != place.parent:
        place = place.parent
    return [] if os.access(str(place), os.W_OK) else ["--no-cache"]


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let one bootstrap at a time change `.venv`."""
    import fcntl  # noqa: PLC0415  not on every system, and not needed when all is current

    folder = root / ".segue"
    folder.mkdir(exist_ok=True)
    with (folder / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
