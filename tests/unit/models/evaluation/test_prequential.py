"""Test, then train: in order, nothing learned before it is asked."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.evaluation.incremental import LiveMarkov
from models.evaluation.prequential import Ask, Plan, curves, means, prequential, steps
from models.sessions.metrics import UNREACHED
from models.sessions.queries import every_prefix
from models.sessions.read import SessionLog, session_log
from tests.unit.models.sessions.samples import ITEMS, QUICK, chain_log


def silent(_text: str) -> None: ...


def test_every_block_is_asked_with_all_before_it_and_nothing_after() -> None:
    log = chain_log(100)
    found = list(steps(log, Plan(blocks=4)))
    assert [step.number for step in found] == [1, 2, 3]
    assert [len(step.seen) for step in found] == [25, 50, 75]
    assert all(len(step.asked) == 25 for step in found)
    joined = np.concatenate([found[0].seen.items, *(step.asked.items for step in found)])
    assert (joined == log.items).all()


def test_a_block_with_many_predictions_is_thinned_by_chance() -> None:
    (step,) = steps(chain_log(100), Plan(blocks=2, queries_max=30))
    assert len(step.chosen) == 30
    assert (np.diff(step.chosen) > 0).all()


def test_a_rule_that_changes_is_lost_for_a_block_and_found_again_at_once_by_who_learns_live() -> (
    None
):
    # 40 sessions of 0 -> 1, then 40 of 0 -> 2: blocks of 20, the rule changes at the third.
    log = session_log([[0, 1]] * 40 + [[0, 2]] * 40)
    results = prequential(log, 3, QUICK, Plan(blocks=4), silent)
    markov = [result["methods"]["markov"]["hr@20"] for result in results]
    live = [result["methods"]["markov live"]["hr@20"] for result in results]
    assert markov == [1.0, 0.0, 1.0]
    assert live == [1.0, pytest.approx(19 / 20), 1.0]
    assert results[1]["new_items"] == 1.0


def test_who_learns_live_ranks_by_counts_with_ties_against() -> None:
    seen = session_log([[0, 1], [0, 1], [0, 2], [0, 3]])
    asked = session_log([[0, 1], [0, 3], [0, 2], [5, 0]])
    ranks = LiveMarkov(seen).ranks(asked, every_prefix(asked, None, before=seen))
    # 1 leads; 3 ties with 2; then 3 was learned and stands before 2; nothing followed 5
    assert ranks.tolist() == [1, 3, 3, UNREACHED]


def test_means_weigh_blocks_by_their_predictions() -> None:
    def block(predictions: int, hr: float) -> dict[str, object]:
        return {"block": 1, "predictions": predictions, "methods": {"pop": {"hr@20": hr}}}

    results = [block(10, 0.0), block(30, 1.0)]
    assert means(results) == {"pop": {"hr@20": 0.75}}
    assert curves(results, "hr@20").lines == {"pop": [0.0, 1.0]}


def test_what_is_trained_serves_the_blocks_until_it_is_trained_anew() -> None:
    learned: list[int] = []

    def train(seen: SessionLog) -> Ask:
        learned.append(len(seen))
        markov = LiveMarkov(seen)
        return lambda step: markov.ranks(
            step.asked, every_prefix(step.asked, None, before=step.seen).take(step.chosen)
        )

    plan = Plan(blocks=6, ranked_every=2)
    results = prequential(chain_log(300), ITEMS, QUICK, plan, silent, train)
    assert learned == [50, 150, 250]
    for result in results:
        assert result["methods"]["ranked"]["hr@20"] > result["methods"]["pop"]["hr@20"]
    without = prequential(chain_log(300), ITEMS, QUICK, Plan(blocks=6), silent, train)
    assert "ranked" not in without[0]["methods"]


def test_too_short_a_log_is_refused() -> None:
    short: SessionLog = chain_log(50)
    with pytest.raises(ValueError, match="50 sessions make no 4 blocks"):
        prequential(short, ITEMS, QUICK, Plan(blocks=4), silent)


def test_the_command_records_a_run_with_its_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    log = tmp_path / "log.txt"
    log.write_text("".join(" ".join(map(str, s)) + "\n" for s in chain_log(120).arrays()))
    asked = ["prequential", str(log), "--format", "lines", "--blocks", "3", "--json"]
    done = CliRunner().invoke(evaluate, asked)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [block["block"] for block in told["blocks"]] == [1, 2]
    (run,) = (tmp_path / ".segue" / "runs").iterdir()
    assert {path.name for path in (run / "plots").iterdir()} == {"hr20.png", "mrr20.png"}
    short = CliRunner().invoke(evaluate, [*asked[:4], "--blocks", "90"])
    assert short.exit_code == 1
    assert "make no 90 blocks" in short.stderr
