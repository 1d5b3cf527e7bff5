"""Off-policy estimates against the truth of the synthetic world."""

import numpy as np
import pytest

from loadtest.world.catalogue import World
from loadtest.world.logged import Exploration, logged_policy
from loadtest.world.plays import START_MS
from loadtest.world.seat import warm_seat
from loadtest.world.training import RANKER
from models.evaluation.policy_log import policy_log
from models.evaluation.policy_report import Drawing, evaluate_policy, target_of
from service.adapters.onnx import OnnxScorer
from service.ranking import Ranking
from service.sources import default_sources

SEEDS = (0, 1, 2)
GREEDIER = Drawing(temperature=0.2, explore=0.1)


def test_propensities_are_those_of_the_softmax_with_a_share_by_chance() -> None:
    chances = Exploration(temperature=1.0, explore=0.2).propensities(np.log([3.0, 1.0]))
    assert chances == pytest.approx([0.8 * 0.75 + 0.1, 0.8 * 0.25 + 0.1])


def test_the_chance_to_finish_is_how_often_it_is_finished(world: World) -> None:
    seats = [warm_seat(world, 910_000 + number, START_MS, sessions=1) for number in range(60)]
    draws = np.random.default_rng(2)
    said, seen = [], []
    for seat in seats:
        for row in draws.integers(len(world), size=12):
            said.append(float(seat.live.finish_chance(np.array([row]))[0]))
            seen.append(seat.hear(int(row)).end == "completed")
    high = np.array(said) > 0.3
    assert np.mean(seen) == pytest.approx(np.mean(said), abs=0.045)
    assert np.array(seen)[high].mean() == pytest.approx(np.array(said)[high].mean(), abs=0.12)


def test_intervals_hold_the_simulated_truth_of_every_log(world: World) -> None:
    ranking = Ranking(world.table, default_sources(world.table), OnnxScorer.load(RANKER))
    reports = []
    for seed in SEEDS:
        rows = list(logged_policy(world, ranking, listeners=24, plays=8, seed=seed))
        log = policy_log(rows)
        reports.append(evaluate_policy(log, None, GREEDIER, ess_min=50))
    for report in reports:
        assert report["simulated"]
        assert report["effective_sample_size"] < report["contexts"] == 24 * 8
        for name in ("ips", "snips", "dr"):
            assert report[name]["low"] <= report["truth"] <= report[name]["high"], (name, report)
    # The folder that ranked the slates, asked again on the logged features, is the same policy.
    again, logged = (target_of(log, folder, GREEDIER) for folder in (RANKER, None))
    assert again == pytest.approx(logged, abs=2e-3)
    errors = [report["dr"]["value"] - report["truth"] for report in reports]
    assert abs(np.mean(errors)) < 0.05
