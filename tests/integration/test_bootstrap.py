"""The bootstrap on a small project of its own: real environments, no network.

The project's build backend is twenty lines of standard library, so that nothing is downloaded.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.bootstrap import RUNTIME_LOCK, is_current, prepare

pytestmark = pytest.mark.slow

BACKEND = """
import zipfile
from pathlib import Path

INFO = "segue-0.dist-info"
FILES = {
    "service/__init__.py": "",
    "service/said.py": "def main():\\n    print('segue runs')\\n",
    INFO + "/METADATA": "Metadata-Version: 2.1\\nName: segue\\nVersion: 0\\n",
    INFO + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    INFO + "/entry_points.txt": "[console_scripts]\\nsegue = service.said:main\\n",
}

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "segue-0-py3-none-any.whl"
    record = "".join(file + ",,\\n" for file in [*FILES, INFO + "/RECORD"])
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for file, text in {**FILES, INFO + "/RECORD": record}.items():
            wheel.writestr(file, text)
    return name

build_wheel = build_editable
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "segue"
version = "0"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project that installs as segue and needs nothing."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / RUNTIME_LOCK).write_text("# nothing is needed\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    return tmp_path


def said(clone: Path) -> str:
    """Return what the installed command prints."""
    return subprocess.check_output([clone / ".venv" / "bin" / "segue"], text=True).strip()


def test_an_environment_is_made_and_then_left_alone(clone: Path) -> None:
    prepare(clone, RUNTIME_LOCK)
    assert said(clone) == "segue runs"
    config = clone / ".venv" / "pyvenv.cfg"
    made_at = config.stat().st_mtime_ns
    prepare(clone, RUNTIME_LOCK)
    assert config.stat().st_mtime_ns == made_at


def test_an_environment_whose_python_is_gone_is_rebuilt(clone: Path) -> None:
    prepare(clone, RUNTIME_LOCK)
    for python in (clone / ".venv" / "bin").glob("python*"):
        python.unlink()
    prepare(clone, RUNTIME_LOCK)
    assert said(clone) == "segue runs"


def test_an_environment_of_a_moved_clone_is_rebuilt(clone: Path) -> None:
    prepare(clone, RUNTIME_LOCK)
    moved = clone.parent / f"{clone.name}-moved"
    shutil.copytree(clone, moved, symlinks=True)
    prepare(moved, RUNTIME_LOCK)
    shebang = (moved / ".venv" / "bin" / "segue").read_text().splitlines()[0]
    assert str(moved) in shebang
    assert is_current(moved, RUNTIME_LOCK)


def test_without_uv_pip_does_it(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if shutil.which("uv"):
        pytest.skip("uv is in /usr/bin here")
    prepare(clone, RUNTIME_LOCK)
    assert said(clone) == "segue runs"
    assert subprocess.run([clone / ".venv/bin/python", "-m", "pip", "-V"], check=True).args
    assert sys.prefix != str(clone / ".venv")
