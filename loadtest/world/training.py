"""`segue train world`: from listeners to the committed artefacts, in one go.

1  listeners listen for some weeks under the mixed policy
2  item vectors from what they finished, in the first part of that time
3  a first ranker from the events of the rest, through the service's fold and features
4  rounds: new listeners hear what the ranker serves; it is trained anew with what they did
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.build import ARTIFACT, save_vectors, with_vectors
from loadtest.world.catalogue import SEED, World, make_world
from loadtest.world.narrate import narrate
from loadtest.world.plays import PlayLog, make_plays
from loadtest.world.rounds import play_round
from models.dataset import build_examples
from models.export import export
from models.ranker import Ranker
from models.train import Stretches, cut, judge, learn
from models.vectors import back_off, item_vectors
from service.core.items import F32

RANKER: Final = ARTIFACT.parents[1] / "ranker"
VECTORS_UNTIL: Final = 0.75  # share of the plays, in order of time
MIXED_CUTS: Final = (0.72, 0.82)  # of the plays after that: calibration from, test from
ROUND_CUTS: Final = (0.80, 0.88)
BACK_OFF: Final = 2.0  # plays that the artist's mean weighs


@dataclass(frozen=True)
class Extent:
    """How much listening to train on."""

    listeners: int = 1800
    days: float = 36.0
    rounds: int = 3
    round_listeners: int = 640
    scale: float = 1.0

    def __str__(self) -> str:
        """As the manifest says it."""
        mixed = f"{self.listeners} listeners for {self.days:g} days under the mixed policy"
        return f"{mixed}, {self.rounds} rounds of {self.round_listeners} with its own slates"


@dataclass(frozen=True)
class Files:
    """Where a ranker and its item vectors are: the committed ones, if nothing else is said."""

    ranker: Path = RANKER
    vectors: Path = ARTIFACT


COMMITTED: Final = Files()


def train_world(
    folder: Path = RANKER,
    vectors: Path = ARTIFACT,
    *,
    extent: Extent = Extent(),
    seed: int = SEED,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Make the world's item vectors and ranker anew; returns the figures."""
    world = make_world(seed, scale=extent.scale)
    say(f"1/4 {extent.listeners} listeners, {extent.days:g} days, {len(world)} items")
    log = make_plays(world, listeners=extent.listeners, days=extent.days)
    until_ms = int(np.quantile(log.at_ms, VECTORS_UNTIL))
    say(f"2/4 item vectors from the first of {len(log)} plays")
    stored = save_vectors(vectors, world_vectors(world, log, until_ms), world.table)
    world = replace(world, table=with_vectors(world.table, stored))
    say("3/4 states, features, first ranker")
    mixed = cut(build_examples(world.table, narrate(world, log), from_ms=until_ms), *MIXED_CUTS)
    del log
    ranker, logs = learn_in_rounds(world, mixed, extent, seed=seed, say=say)
    report = {name: judge(ranker, world.table, stretches) for name, stretches in logs.items()}
    window = f"synthetic world, seed {seed}: {extent}"
    export(ranker, folder, window=window, seed=seed, metrics=report)
    say(f"written to {folder}")
    return report


def learn_in_rounds(
    world: World, mixed: Stretches, extent: Extent, *, seed: int, say: Callable[[str], None]
) -> tuple[Ranker, dict[str, Stretches]]:
    """Train, serve, train again; returns the ranker and the logs it is judged on."""
    logs = {"mixed_policy": mixed}
    ranker = learn([mixed], seed=seed)
    for number in range(1, extent.rounds + 1):
        say(f"4/4 round {number} of {extent.rounds}: its own slates")
        served = play_round(world, ranker, number, listeners=extent.round_listeners)
        logs[f"own_slates_{number}"] = cut(served, *ROUND_CUTS)
        ranker = learn(list(logs.values()), seed=seed)
    return ranker, logs


def world_vectors(world: World, log: PlayLog, until_ms: int) -> F32:
    """Vectors from finished plays before a moment, thin ones leaning on their creator's mean."""
    finished = ~log.skipped & (log.at_ms < until_ms)
    vectors = item_vectors(finished_sessions(log, finished), len(world))
    counts = np.bincount(log.row[finished], minlength=len(world)).astype(np.float64)
    return back_off(vectors, counts, world.table.artist.astype(np.int64), weight=BACK_OFF)


def finished_sessions(log: PlayLog, finished: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Item rows of the chosen plays, session by session, in order of time."""
    order = np.lexsort((log.at_ms[finished], log.session[finished]))
    rows, session = log.row[finished][order], log.session[finished][order]
    return np.split(rows, np.flatnonzero(np.diff(session)) + 1)
