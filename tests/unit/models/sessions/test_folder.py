"""A trained folder is judged as it was trained, and carries whose rows its items are."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate, train
from models.catalogs import build_log_catalog
from models.sessions import evaluate as judging
from models.sessions import training
from models.sessions.evaluate import judge, read_logs
from models.sessions.folder import read_ids
from models.sessions.recommender import fit_recommender
from models.sessions.timing import Timing
from service.adapters.model_folder import read_model_folder
from tests.unit.models.sessions.samples import QUICK, chain_log
from tests.unit.models.sessions.test_evaluate import write_lines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (training, judging):
        monkeypatch.setattr(module, "DEFAULT", QUICK)  # the recipe's size, nothing else


def test_a_folder_is_judged_to_the_figures_of_what_was_trained(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "train.txt", chain_log(300))
    test = write_lines(tmp_path / "test.txt", chain_log(30, seed=4))
    both = ["sessions", "--train", str(log), "--format", "lines", "--json"]
    folder = tmp_path / "model"
    made = CliRunner().invoke(train, [*both, "--out", str(folder)])
    assert made.exit_code == 0, made.output
    assert read_model_folder(folder).heads == ("next",)
    judged = CliRunner().invoke(evaluate, [*both, "--test", str(test), "--model", str(folder)])
    assert judged.exit_code == 0, judged.output
    report = json.loads(judged.stdout.splitlines()[-1])
    logs = read_logs([log], [test], "lines")
    assert read_ids(folder) == logs.names
    model = fit_recommender(logs.train, logs.kinds, QUICK, seed=0, timing=Timing())
    own = judge(model, logs, [], seed=0, say=lambda _: None)
    assert report["stages"]["encoder"] == pytest.approx(own["stages"]["encoder"], abs=0.02)
    assert report["hr@20"] == pytest.approx(own["hr@20"], abs=0.06)  # probes and lists differ


def test_a_catalogue_gives_rows_and_item_space(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "train.txt", chain_log(200))
    table = build_log_catalog(log, "nowplaying", tmp_path / "catalog")
    arguments = ["sessions", "--train", str(log), "--format", "lines"]
    arguments += ["--catalog", str(tmp_path / "catalog"), "--out", str(tmp_path / "model")]
    made = CliRunner().invoke(train, arguments)
    assert made.exit_code == 0, made.output
    assert read_ids(tmp_path / "model") == list(table.ids)
    assert read_model_folder(tmp_path / "model").item_space == table.item_space
    kinds = np.load(tmp_path / "model" / "index" / "kind.npy")
    assert (kinds == table.content_type).all()


def test_a_folder_without_a_model_is_refused_by_name(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "train.txt", chain_log(30))
    later = write_lines(tmp_path / "later.txt", chain_log(30, seed=4))
    arguments = ["sessions", "--train", str(log), "--test", str(later), "--format", "lines"]
    result = CliRunner().invoke(evaluate, [*arguments, "--model", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "segue train sessions" in result.output
