"""`segue data` as it is typed."""

from pathlib import Path

import msgspec
from typer.testing import CliRunner

from models.commands_data import data
from models.data.rows import LINEAGE, PLAYS
from tests.unit.models.data.test_training_sessions import sample


def test_a_log_is_folded_checked_and_its_origin_recorded(tmp_path: Path) -> None:
    log, out = sample(tmp_path, "jsonl"), tmp_path / "out"
    made = CliRunner().invoke(
        data, ["sessions", str(log), "--format", "jsonl", "--out", str(out), "--json"]
    )
    assert made.exit_code == 0, made.output
    said = msgspec.json.decode(made.stdout.splitlines()[-1])
    assert (said["rows"], said["effects"]["applied"]) == (2, 2)
    record = msgspec.json.decode((out / LINEAGE).read_bytes())
    assert [one["name"] for one in record["outputs"]] == [PLAYS]
    good = CliRunner().invoke(data, ["check", str(log), str(out / PLAYS)])
    assert good.exit_code == 0
    assert good.stdout.count("nothing wrong") == 2


def test_a_file_with_a_bad_row_ends_with_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"type":"started"}\n')
    told = CliRunner().invoke(data, ["check", str(path)])
    assert told.exit_code == 1
    assert f"{path}:1: " in told.stdout
    assert "missing required field" in told.stdout
