"""The command line: every command listed, fast, and none that fails in silence."""

import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from service import cli

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_of_the_project_file_is_listed_with_its_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out.split("Commands:")[1]
    names = [line.split()[0] for line in listed.splitlines() if line[:2] == "  " and line[2] != " "]
    assert names == sorted(told["project"]["entry-points"]["segue.commands"])


def test_a_command_that_does_not_load_is_listed_but_fails_when_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = EntryPoint("gone", "service.commands.gone:gone", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [gone])
    with pytest.raises(SystemExit) as listed:
        cli.main(["--help"])
    assert listed.value.code == 0
    assert "does not load" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"cannot load service\.commands\.gone:gone"):
        cli.main(["gone"])


def test_an_unknown_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as unknown:
        cli.main(["nope"])
    assert unknown.value.code == 2
    assert "nope" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_KAFKA__BOOTSTRP", "x")
    with pytest.raises(SystemExit, match=r"^segue: unknown setting SEGUE_KAFKA__BOOTSTRP"):
        cli.main(["config", "show"])


def test_the_settings_are_shown_with_their_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGUE_SLATE__LENGTH", "7")
    with pytest.raises(SystemExit):
        cli.main(["config", "show"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["SEGUE_SLATE__LENGTH", "7", "env"] in [row[:3] for row in rows]


def test_help_costs_little_more_than_importing_typer_itself() -> None:
    """A ratio, not a time: machines differ and are shared."""
    floor = _fastest([sys.executable, "-c", "import typer"])
    help_text = _fastest([sys.executable, "-m", "service.cli", "--help"])
    assert help_text < 3.0 * floor


@pytest.mark.parametrize("heavy", ["pydantic", "numpy", "aiokafka", "onnxruntime", "polars", "jax"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    code = (
        "import sys\nfrom service import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, f"`segue --help` imports {heavy}"


def _fastest(command: Sequence[str]) -> float:
    """Return the least seconds of several runs: the least disturbed one."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)
