"""Runs as folders, and their copy in MLflow."""

import json
import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import mlflow
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.evaluation.mlflow_runs import EXPERIMENT, log_to_mlflow
from models.evaluation.plots import Curves
from models.evaluation.runs import Run, all_runs, differences, numbers, read_run, record_run
from service.core.errors import Refused

CURVES = Curves("Lag", "withheld", "HR@20", ["fresh", 1, 2], {"ranked": [0.28, 0.24, None]})


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file store of this test's own."""
    before, uri = mlflow.get_tracking_uri(), (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(uri)
    yield uri
    mlflow.set_tracking_uri(before)


def recorded(root: Path, hr: float = 0.25, name: str = "evaluate sessions") -> Path:
    log = root.parent / "log.txt"
    log.write_text("1 2 3\n")
    report = {"stages": {"ranked": {"hr@20": hr}}, "name": "text", "lag": [0.1, 0.2]}
    return record_run(
        name, params={"seed": 3}, report=report, inputs=[log], plots={"lag": CURVES}, root=root
    )


def test_a_run_says_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "runs")
    told = json.loads((folder / "run.json").read_text())
    assert (told["name"], told["params"]) == ("evaluate sessions", {"seed": "3"})
    assert told["inputs"] == [
        {"file": "log.txt", "bytes": 6, "sha256": sha256(b"1 2 3\n").hexdigest()}
    ]
    assert {"python", "segue", "numpy", "onnxruntime"} <= set(told["versions"])
    assert read_run(folder).metrics == {"stages.ranked.hr@20": 0.25, "lag.0": 0.1, "lag.1": 0.2}
    assert (folder / "plots" / "lag.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_numbers_are_found_wherever_they_are_and_text_is_none() -> None:
    report = {"a": {"b": 1}, "c": [0.5, "x"], "passed": True, "text": "1", "none": None}
    assert dict(numbers(report)) == {"a.b": 1.0, "c.0": 0.5, "passed": 1.0}


def test_runs_are_told_side_by_side_where_two_have_the_metric(tmp_path: Path) -> None:
    one = Run(tmp_path / "a", {}, {"hr": 0.2, "only": 1.0})
    other = Run(tmp_path / "b", {}, {"hr": 0.3})
    assert differences([one, other]) == {"hr": [0.2, 0.3]}


def test_a_folder_without_a_whole_run_is_refused_and_not_listed(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    (root / "half").mkdir(parents=True)
    (root / "half" / "metrics.jsonl").write_text("")
    assert all_runs(root) == []
    with pytest.raises(Refused, match=r"no run in .*half"):
        read_run(root / "half")


def test_the_command_lists_and_compares(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    first, second = recorded(root, 0.25), recorded(root, 0.5)
    listed = CliRunner().invoke(evaluate, ["runs", "--root", str(root)])
    assert {line.split()[0] for line in listed.stdout.splitlines()} == {first.name, second.name}
    asked = ["runs", first.name, second.name, "--root", str(root), "--metric", "hr@", "--json"]
    compared = CliRunner().invoke(evaluate, asked)
    told = json.loads(compared.stdout)
    assert told["metrics"] == {"stages.ranked.hr@20": [0.25, 0.5]}
    unknown = CliRunner().invoke(evaluate, ["runs", "nothing", "--root", str(root)])
    assert unknown.exit_code == 1
    assert "no run in" in unknown.stderr


def test_mlflow_gets_a_copy_where_one_is_configured(tmp_path: Path, tracking: str) -> None:
    folder = recorded(tmp_path / "runs")
    client = mlflow.MlflowClient(tracking)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == folder.name
    assert run.data.params == {"seed": "3"}
    assert run.data.metrics["stages.ranked.hr_at_20"] == 0.25
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"run.json", "metrics.jsonl", "plots"}


def test_a_run_is_whole_even_if_mlflow_refuses_it(
    tmp_path: Path, tracking: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = recorded(tmp_path / "runs")
    broken = Run(folder, {"name": "x", "params": {"seed": "3", "": "no name"}}, {})
    with caplog.at_level(logging.WARNING):
        assert log_to_mlflow(broken) is False
    assert "is whole, but MLflow did not take it" in caplog.text
    assert read_run(folder).metrics["lag.0"] == 0.1
