"""The gate's fixed set: exposures of listeners whom no training log has seen, by the mixed policy.

Made anew from the seed wherever it is needed, through the service's fold and features; who was
shown what depends on no model. The first sessions of each listener only make a history: a ranker
that was made to serve slates is rightly off where strangers are shown anything at all.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from loadtest.world.build import ARTIFACT, load_vectors
from loadtest.world.catalogue import SEED, World, make_world
from loadtest.world.plays import START_MS
from loadtest.world.seat import WARM_UP_PLAYS, warm_seat
from models.dataset import build_examples
from models.evaluation.exposures import ExposureSet

FIRST_LISTENER: Final = 700_000
LISTENERS: Final = 72
SESSIONS: Final = 11
HISTORY: Final = 4
"""Sessions before the first that is asked about."""


def gate_world(vectors: Path = ARTIFACT) -> World:
    """The world with its vectors. Without neighbours: nothing is recommended here.

    Raises:
        Refused: The vectors are missing, or were made for another catalogue.
    """
    world = make_world(SEED)
    return replace(world, table=replace(world.table, vectors=load_vectors(vectors, world.table)))


def gate_set(world: World, *, listeners: int = LISTENERS) -> ExposureSet:
    """Let them listen; `world` has its vectors."""
    seats = (
        warm_seat(world, FIRST_LISTENER + number, START_MS, sessions=SESSIONS)
        for number in range(listeners)
    )
    asked = slice(HISTORY * WARM_UP_PLAYS, None)
    parts = [build_examples(world.table, seat.told).where(asked) for seat in seats]
    return ExposureSet.of(parts)
