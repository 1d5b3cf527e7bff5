"""The bootstrap's decisions: which Python, and when nothing needs to be done."""

import subprocess
import sys
from pathlib import Path

import pytest

from service import bootstrap
from service.bootstrap import RUNTIME_LOCK, TEST_LOCK, fingerprint, is_current, stamp_path

ROOT = bootstrap.ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the two locks and a project file."""
    (tmp_path / "docker").mkdir()
    for lock in (RUNTIME_LOCK, TEST_LOCK):
        (tmp_path / "docker" / lock).write_text(f"# {lock}\n")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def stamp(clone: Path, lock: str) -> None:
    stamp_path(clone, lock).write_text(fingerprint(clone, lock))


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14), (4, 0)])
def test_a_python_that_cannot_run_segue_is_told_which_can(version: tuple[int, int]) -> None:
    told = bootstrap.why_unsupported(version)
    assert told is not None
    assert f"3.11 to 3.13 is needed, this is {version[0]}.{version[1]}" in told


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_python_that_can_run_segue_is_told_nothing(version: tuple[int, int]) -> None:
    assert bootstrap.why_unsupported(version) is None


def test_an_old_python_ends_with_the_sentence_and_no_traceback() -> None:
    code = (
        "import sys; sys.version_info = (3, 9, 2, 'final', 0)\n"
        "from service import bootstrap\n"
        "bootstrap.run(bootstrap.RUNTIME_LOCK, ['segue'], [])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("segue: Python 3.11 to 3.13 is needed, this is 3.9")
    assert "Traceback" not in done.stderr


def test_the_bootstrap_imports_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import service.bootstrap"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], check=True)


def test_the_bootstrap_is_written_for_old_pythons_to_parse() -> None:
    code = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))"
    for file in ("service/bootstrap.py", "service/__main__.py", "tests/__main__.py"):
        subprocess.run([sys.executable, "-c", code, str(ROOT / file)], check=True)


def test_an_environment_without_a_stamp_is_not_current(clone: Path) -> None:
    assert not is_current(clone, RUNTIME_LOCK)


def test_the_test_lock_satisfies_the_runtime_lock_but_not_the_reverse(clone: Path) -> None:
    stamp(clone, RUNTIME_LOCK)
    assert is_current(clone, RUNTIME_LOCK)
    assert not is_current(clone, TEST_LOCK)
    stamp_path(clone, RUNTIME_LOCK).unlink()
    stamp(clone, TEST_LOCK)
    assert is_current(clone, RUNTIME_LOCK)


@pytest.mark.parametrize("file", [f"docker/{RUNTIME_LOCK}", "pyproject.toml"])
def test_a_changed_lock_or_project_file_makes_the_stamp_stale(clone: Path, file: str) -> None:
    stamp(clone, RUNTIME_LOCK)
    (clone / file).write_text("changed")
    assert not is_current(clone, RUNTIME_LOCK)


def test_a_moved_clone_makes_the_stamp_stale(clone: Path, tmp_path: Path) -> None:
    stamp(clone, RUNTIME_LOCK)
    moved = clone.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    assert not is_current(moved, RUNTIME_LOCK)


def test_the_test_lock_pins_what_the_runtime_lock_pins() -> None:
    def pins(lock: str) -> set[str]:
        lines = (ROOT / "docker" / lock).read_text().splitlines()
        return {line.rstrip(" \\") for line in lines if "==" in line and line[0].isalnum()}

    assert pins(RUNTIME_LOCK)
    assert pins(RUNTIME_LOCK) <= pins(TEST_LOCK)


def test_the_locks_name_no_index() -> None:
    for lock in (RUNTIME_LOCK, TEST_LOCK):
        text = (ROOT / "docker" / lock).read_text()
        assert "://" not in text
        assert "--index" not in text
