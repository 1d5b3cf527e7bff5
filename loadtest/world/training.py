"""`segue train world`: from listeners to the committed artefacts, in one go.

1  listeners listen for some weeks under the mixed policy
2  item vectors from what they finished, in the first part of that time
3  the ranker from the events of the rest, through the service's fold and features
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.build import ARTIFACT, save_vectors, with_vectors
from loadtest.world.catalogue import SEED, World, make_world
from loadtest.world.narrate import narrate
from loadtest.world.plays import PlayLog, make_plays
from models.export import export
from models.train import Cuts, train
from models.vectors import back_off, item_vectors
from service.core.items import F32

RANKER: Final = ARTIFACT.parents[1] / "ranker"
STRETCHES: Final = (0.66, 0.90, 0.94)  # of the plays: vectors until, fit until, calibrate until
BACK_OFF: Final = 2.0  # plays that the artist's mean weighs


@dataclass(frozen=True)
class Extent:
    """How much listening to train on."""

    listeners: int = 2200
    days: float = 40.0
    scale: float = 1.0


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
    until = [int(at) for at in np.quantile(log.at_ms, STRETCHES)]
    say(f"2/4 item vectors from the first of {len(log)} plays")
    stored = save_vectors(vectors, world_vectors(world, log, until[0]), world.table)
    say("3/4 states, features, fit and calibration")
    table = with_vectors(world.table, stored)
    ranker, report = train(table, narrate(world, log), Cuts(*until), seed=seed)
    report["plays"] = len(log)
    say(f"4/4 export to {folder}")
    window = f"synthetic world, seed {seed}: {extent.listeners} listeners, {extent.days:g} days"
    export(ranker, folder, window=window, seed=seed, metrics=report)
    return report


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
