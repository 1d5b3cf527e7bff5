"""The report: every stage, recall, lag and slices, from files in and JSON out."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.sessions import evaluate as module
from models.sessions.baselines import baselines
from models.sessions.queries import every_prefix
from models.sessions.read import SessionLog
from models.sessions.recommender import fit_recommender
from models.sessions.slices import by_item_age, by_listener
from models.sessions.timing import Timing
from tests.unit.models.sessions.samples import ITEMS, MUSIC, QUICK, chain_log


def write_lines(path: Path, log: SessionLog) -> Path:
    path.write_text("".join(" ".join(map(str, s.tolist())) + "\n" for s in log.arrays()))
    return path


def test_the_command_prints_its_metrics_as_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEFAULT", QUICK)  # the recipe's size, nothing else
    train = write_lines(tmp_path / "train.txt", chain_log(300))
    test = write_lines(tmp_path / "test.txt", chain_log(40, seed=4))
    arguments = ["sessions", "--train", str(train), "--test", str(test), "--format", "lines"]
    result = CliRunner().invoke(evaluate, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["hr@20"] >= report["hr@10"] > 0.5
    assert list(report["stages"])[-2:] == ["encoder", "ranked"]
    assert report["lag"]["frozen"]["hr@20"] <= report["lag"]["fresh"]["hr@20"]
    assert report["recall"]["union"]["recall@500"] == pytest.approx(1)
    assert report["by_listener"]["seen"]["predictions"] == 0


def test_a_wrong_format_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("a b\n")
    arguments = ["sessions", "--train", str(path), "--test", str(path), "--format", "lines"]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 1
    assert "is --format right?" in result.output


def test_baselines_find_a_rule_that_needs_no_training() -> None:
    model = fit_recommender(chain_log(600), MUSIC, QUICK, seed=1, timing=Timing())
    queries = every_prefix(chain_log(60, seed=5), model.bases.encoder)
    bases = model.bases
    found = {
        one.name: float((one.ranks(queries) <= 3).mean())
        for one in baselines(chain_log(600), bases.neighbours, bases.transitions, QUICK.neighbours)
    }
    assert list(found) == ["pop", "markov", "item-knn", "vsknn", "hybrid"]
    assert found["markov"] > 0.5 > found["pop"]
    assert found["hybrid"] >= found["vsknn"]


def test_slices_part_the_predictions_and_lose_none() -> None:
    train, test = chain_log(100), chain_log(10, seed=2)
    model = fit_recommender(train, MUSIC, QUICK, seed=2, timing=Timing())
    queries = every_prefix(test, model.bases.encoder)
    ranks = np.ones(len(queries), np.int64)
    ages = by_item_age(ranks, queries, train, ITEMS)
    listeners = by_listener(ranks, queries, train)
    assert sum(part["predictions"] for part in ages.values()) == len(queries)
    assert listeners["seen"]["predictions"] == len(queries)  # both logs number users from 0
