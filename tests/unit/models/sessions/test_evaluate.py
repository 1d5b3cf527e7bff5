"""The report: every stage, recall, lag and slices, from files in and JSON out."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.sessions import evaluate as module
from models.sessions.baselines import baselines
from models.sessions.evaluate import judge, read_logs
from models.sessions.lag import WITHHELD
from models.sessions.queries import every_prefix
from models.sessions.read import SessionLog
from models.sessions.recommender import fit_recommender, fit_with_examples
from models.sessions.slices import apart, by_listener, slices_of
from models.sessions.timing import Timing
from models.sessions.trees import fit_trees
from tests.unit.models.sessions.samples import MUSIC, QUICK, chain_log


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
    later = tmp_path / "later.txt"
    later.write_text("b a\n")
    arguments = ["sessions", "--train", str(path), "--test", str(later), "--format", "lines"]
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


def test_trees_learn_from_the_same_examples() -> None:
    log = chain_log(600)
    model, examples = fit_with_examples(log, MUSIC, QUICK, seed=1, timing=Timing())
    trees = fit_trees(model.bases, examples, QUICK, seed=1, rounds=20)
    queries = every_prefix(chain_log(60, seed=5), model.bases.encoder)
    ranks = trees.ranks(queries)
    assert len(ranks) == len(queries)
    assert (ranks <= 3).mean() > 0.5


def test_slices_part_the_predictions_and_lose_none() -> None:
    train, test = chain_log(100), chain_log(10, seed=2)
    model = fit_recommender(train, MUSIC, QUICK, seed=2, timing=Timing())
    queries = every_prefix(test, model.bases.encoder)
    ranks = np.ones(len(queries), np.int64)
    for masks in slices_of(queries, train, MUSIC).values():
        assert sum(part["predictions"] for part in apart(ranks, masks).values()) == len(queries)
    seen = by_listener(queries, train)["seen"]
    assert seen.all()  # both logs number users from 0


def test_the_report_is_a_page_with_both_curves(tmp_path: Path) -> None:
    figures = {"hr@20": 0.25, "mrr@20": 0.12}
    report = {
        "hr@20": 0.25, "predictions": 9, "unreachable": 1, "seed": 0, "seconds": {"ranker": 2.0},
        "intervals": {"hr@20": [0.2, 0.3]}, "stages": {"pop": figures, "ranked": figures},
        "recall": {"union": {"recall@100": 0.4}, "by_item_age": {}},
        "lag": {name: figures for name in WITHHELD}, "by_listener": {"seen": figures},
    }  # fmt: skip
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text("some line\n" + json.dumps(report) + "\n")
    named = [f"one={tmp_path / 'a.json'}", f"two={tmp_path / 'b.json'}"]
    result = CliRunner().invoke(evaluate, ["report", *named, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<h2>one" in page
    assert "<td>ranked" in page
    assert "25.00" in page
    for plot in ("lag_hr_at_20.png", "lag_mrr_at_20.png"):
        assert (tmp_path / "out" / plot).read_bytes()[:4] == b"\x89PNG"


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"hr@20": 1}')
    for named, said in ((f"a={tmp_path / 'x.json'}", "lacks"), ("x.json", "NAME=FILE")):
        result = CliRunner().invoke(evaluate, ["report", named, "--out", str(tmp_path)])
        assert result.exit_code == 1
        assert said in result.output


def test_a_later_log_without_one_known_item_is_judged_and_never_hit(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "train.txt", chain_log(200))
    (tmp_path / "test.txt").write_text("901 902 903\n904 905\n")
    logs = read_logs([log], [tmp_path / "test.txt"], "lines")
    model = fit_recommender(logs.train, logs.kinds, QUICK, seed=3, timing=Timing())
    report = judge(model, logs, [], seed=3, say=lambda _: None)
    assert report["predictions"] == report["unreachable"] == 3
    assert report["hr@20"] == 0
    assert report["recall"]["union"]["recall@500"] == 0
