"""`segue evaluate world`: everything that the simulator can say of a ranker, in one report.

All of it is about the simulator's listeners; none of it is a claim about real ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from loadtest.world.arms import Arm, OracleArm, PopularArm, RandomArm, SegueArm
from loadtest.world.build import load_vectors, with_vectors
from loadtest.world.catalogue import SEED, World, make_world
from loadtest.world.closed_loop import Heard, play_arms, summaries
from loadtest.world.coverage import coverage
from loadtest.world.neighbour_arm import NeighbourArm
from loadtest.world.placebos import Placebo, of_no_switch, placebos
from loadtest.world.plays import PlayLog, make_plays
from loadtest.world.recovery import SWITCHES, follow, no_change, recovery
from loadtest.world.regret import leads, regrets
from loadtest.world.training import COMMITTED, Extent, Files, finished_sessions
from loadtest.world.type_calibration import ROUND, Table, served_parts, type_calibration
from loadtest.world.untaught import drawn_arm, examples_of
from service.adapters.onnx import OnnxScorer
from service.ports import Scorer
from service.ranking import Ranking
from service.sources import default_sources

UNTAUGHT_LISTENERS: Final = 80
FULL: Final = Extent()
ADAPTIVE: Final = ("popular", "vsknn", "segue")
"""Who is asked to recover: chance and the oracle lose nothing to what a listener wanted before."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """A world with its log, the arms, and how many listeners judge them."""

    world: World
    log: PlayLog
    arms: dict[str, Arm]
    listeners: int
    seed: int
    scorer: Scorer


def evaluate_world(
    *,
    listeners: int,
    calibration_listeners: int = 0,
    files: Files = COMMITTED,
    extent: Extent = FULL,
    seed: int = SEED,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run every arm on the same listeners; regret, coverage, recovery, placebos, calibration.

    Calibration by content type takes listeners of its own, some 1,600 for a floor below 0.02.
    """
    say(f"1/5 the log of {extent.listeners} listeners, {extent.days:g} days")
    judged = _judged(listeners, files, extent, seed)
    say(f"2/5 {listeners} listeners under each of {', '.join(judged.arms)}")
    heard = play_arms(judged.world, judged.arms, listeners=listeners)
    say("3/5 a change of mind")
    recovered = _recovery(judged)
    say("4/5 placebos")
    must_be_quiet = _placebos(judged, heard)
    say(f"5/5 calibration on {calibration_listeners} listeners")
    return {
        "simulated": True,
        "listeners": listeners,
        "model": judged.scorer.model.version,
        "arms": summaries(heard, seed=seed),
        "regret": regrets(heard, seed=seed),
        "lead_of_segue": leads(heard, "segue", seed=seed),
        "coverage": _coverage(judged, heard),
        "recovery": recovered,
        "calibration": _calibration(judged, calibration_listeners),
        "placebos": {each.name: each.as_dict() for each in must_be_quiet},
        "quiet": not any(each.loud for each in must_be_quiet),
    }


def _judged(listeners: int, files: Files, extent: Extent, seed: int) -> Judged:
    world = make_world(seed, scale=extent.scale)
    table = with_vectors(world.table, load_vectors(files.vectors, world.table))
    world = replace(world, table=table)
    log = make_plays(world, listeners=extent.listeners, days=extent.days)
    scorer = OnnxScorer.load(files.ranker)
    arms: dict[str, Arm] = {
        "random": RandomArm(world, seed),
        "popular": PopularArm(world),
        "vsknn": NeighbourArm(world, finished_sessions(log, ~log.skipped)),
        "segue": SegueArm(Ranking(table, default_sources(table), scorer)),
        "oracle": OracleArm(world),
    }
    return Judged(world, log, arms, listeners, seed, scorer)


def _coverage(judged: Judged, heard: dict[str, Heard]) -> dict[str, Any]:
    finished = np.bincount(judged.log.row[~judged.log.skipped], minlength=len(judged.world))
    return {name: coverage(judged.world, each, finished) for name, each in heard.items()}


def _recovery(judged: Judged) -> dict[str, Any]:
    return {
        name: {
            arm: recovery(
                follow(judged.world, judged.arms[arm], switch, listeners=judged.listeners),
                seed=judged.seed,
            )
            for arm in ADAPTIVE
        }
        for name, switch in SWITCHES.items()
    }


def _calibration(judged: Judged, listeners: int) -> Table:
    if not listeners:
        return {}
    parts = served_parts(judged.world, judged.scorer, ROUND, listeners=listeners)
    return type_calibration(judged.scorer, parts, seed=judged.seed)


def _placebos(judged: Judged, heard: dict[str, Heard]) -> Sequence[Placebo]:
    world, segue, seed = judged.world, judged.arms["segue"], judged.seed
    examples = examples_of(world, judged.log, listeners=UNTAUGHT_LISTENERS)
    untaught = drawn_arm(world, examples, shuffled=True, seed=seed)
    same_mood = follow(world, segue, no_change, listeners=judged.listeners)
    return [
        *placebos(world, heard, segue, untaught, seed=seed),
        of_no_switch(same_mood, seed=seed),
    ]
