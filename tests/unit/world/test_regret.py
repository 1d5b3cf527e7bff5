"""Regret, leads and coverage of arms, on made-up plays whose figures are known."""

import numpy as np
import pytest

from loadtest.world.arms import Arm, OracleArm, PopularArm, RandomArm
from loadtest.world.catalogue import World
from loadtest.world.closed_loop import FIGURES, Heard, run_arm
from loadtest.world.coverage import COLD_MAX, coverage, gini
from loadtest.world.intervals import paired
from loadtest.world.neighbour_arm import NeighbourArm
from loadtest.world.plays import PlayLog
from loadtest.world.regret import leads, regrets
from loadtest.world.training import finished_sessions

LISTENERS = 16


def heard_with(worth: float) -> Heard:
    """Listeners who differ, all better off by `worth`; fewer skips are better."""
    base = np.linspace(0.1, 0.3, LISTENERS)[None, :, None] * np.ones((4, 1, len(FIGURES)))
    better = np.array([-1.0 if "skip" in name else 1.0 for name in FIGURES])
    return Heard(np.zeros((4, LISTENERS), dtype=np.int64), base + worth * better)


def test_regret_is_the_share_of_the_way_to_the_oracle_that_is_left() -> None:
    worths = {"random": 0.0, "half": 0.2, "most": 0.3, "nothing": 0.0, "oracle": 0.4}
    found = regrets({name: heard_with(worth) for name, worth in worths.items()}, seed=1)
    assert set(found) == {"half", "most", "nothing"}
    for figure in ("skip_rate", "listened_share", "affinity"):
        assert found["half"][figure]["mean"] == pytest.approx(0.5)
        assert found["most"][figure]["mean"] == pytest.approx(0.25)
        assert found["nothing"][figure]["low"] == pytest.approx(1)


def test_a_lead_is_taken_listener_by_listener() -> None:
    lead = leads({"segue": heard_with(0.2), "vsknn": heard_with(0.1)}, "segue", seed=1)["vsknn"]
    assert lead["affinity"] == {"mean": 0.1, "low": 0.1, "high": 0.1}  # no spread but between them
    assert lead["skip_rate"]["mean"] == pytest.approx(-0.1)


def test_a_paired_difference_that_is_there_does_not_hold_zero() -> None:
    rng = np.random.default_rng(0)
    listeners, noise = 3 * rng.normal(size=200), 0.1 * rng.normal(size=200)
    assert not paired(listeners + 0.1 + noise, listeners, seed=1).holds_zero
    assert paired(listeners + noise - noise.mean(), listeners, seed=1).holds_zero


def test_gini_is_nought_for_equals_and_near_one_for_a_monopoly() -> None:
    assert gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.array([0, 0])) == 0


def test_coverage_counts_items_creators_and_cold_plays(small_world: World) -> None:
    rows = np.array([[0, 1], [1, 1]])
    finished = np.full(len(small_world), COLD_MAX + 1)
    finished[0] = COLD_MAX
    each = np.zeros((2, 2, len(FIGURES)))
    each[0, 0, FIGURES.index("affinity")] = 3.0
    found = coverage(small_world, Heard(rows, each), finished)
    assert found["items"] == pytest.approx(2 / len(small_world), abs=1e-4)
    assert found["cold_share"] == pytest.approx(0.25)
    assert found["cold_affinity"] == pytest.approx(3)


def test_session_neighbours_stand_between_charts_and_oracle(
    small_known: World, small_log: PlayLog
) -> None:
    sessions = finished_sessions(small_log, ~small_log.skipped)
    arms: dict[str, Arm] = {
        "popular": PopularArm(small_known),
        "vsknn": NeighbourArm(small_known, sessions),
        "oracle": OracleArm(small_known),
        "random": RandomArm(small_known, 7),
    }
    heard = {name: run_arm(small_known, arm, listeners=24) for name, arm in arms.items()}
    regret = regrets(heard, seed=7)
    assert regret["vsknn"]["affinity"]["high"] < regret["popular"]["affinity"]["low"]
    assert regret["vsknn"]["affinity"]["low"] > 0


def test_an_arm_of_neighbours_never_repeats_what_was_heard_lately(
    small_known: World, small_log: PlayLog
) -> None:
    arm = NeighbourArm(small_known, finished_sessions(small_log, ~small_log.skipped))
    rows = run_arm(small_known, arm, listeners=8).rows
    for mine in rows.T:
        assert all(len(set(mine[at : at + 12])) == 12 for at in range(len(mine) - 12))
