"""Learning from one's own slates: listeners hear what a ranker serves, and their events are a log.

A ranker trained on other policies' plays alone is sure of itself exactly where it has seen least:
it picks what its errors favour. A round of its own slates, with some places drawn at random,
corrects that (`models/LOG.md` has the figures).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtest.world.catalogue import World
from loadtest.world.plays import START_MS
from loadtest.world.seat import Seat, warm_seat
from models.dataset import Examples, build_examples
from models.ranker import Ranker
from service.core.events import Served
from service.core.features import Features
from service.core.items import F32
from service.core.slates import Model
from service.ranking import Ranking
from service.sources import default_sources

SESSIONS: Final = 2
SLATES: Final = 3  # in a session
PLAYS: Final = 4  # of a slate, before the next one
EXPLORE: Final = 0.3  # share of plays from a random place of the slate
APART_MS: Final = 10 * 60 * 1000  # between the first sessions of two listeners
BATCH: Final = 16
WARM_UPS: Final = 3  # a third of the listeners is new, a third has had one session, a third two
LISTENERS_APART: Final = 100_000  # rounds have listeners of their own


@dataclass(frozen=True)
class ArrayScorer:
    """A scorer without a file: the ranker's own arithmetic."""

    ranker: Ranker

    @property
    def model(self) -> Model:
        """A ranker that has no version yet."""
        return Model("segue-mlp", "in-training")

    @property
    def heads(self) -> tuple[str, ...]:
        """The ranker's."""
        return self.ranker.heads

    @property
    def blocks(self) -> tuple[str, ...]:
        """The ranker's."""
        return self.ranker.blocks

    def score(self, features: Features) -> F32:
        """float32[M, H]."""
        return self.ranker.score(features)


def play_round(world: World, ranker: Ranker, number: int, *, listeners: int) -> Examples:
    """Serve `listeners` new listeners with a ranker; returns what became of the served items.

    `world` has its vectors and neighbours.
    """
    ranking = Ranking(world.table, default_sources(world.table), ArrayScorer(ranker))
    draws = np.random.default_rng([world.seed, 5, number])
    first = number * LISTENERS_APART
    seats = [
        warm_seat(world, first + n, START_MS + n * APART_MS, sessions=n % WARM_UPS)
        for n in range(listeners)
    ]
    for _ in range(SESSIONS):
        for seat in seats:
            seat.open_session()
        for _ in range(SLATES):
            for begin in range(0, listeners, BATCH):
                _serve(ranking, seats[begin : begin + BATCH], draws)
    events = sorted((event for seat in seats for event in seat.told), key=lambda e: e.at_ms)
    return build_examples(world.table, events, only_served=True)


def _serve(ranking: Ranking, seats: list[Seat], draws: np.random.Generator) -> None:
    """One slate each; a few plays of it, now and then from further down."""
    slates = ranking.rank([seat.state for seat in seats])
    for seat, slate in zip(seats, slates, strict=True):
        version = seat.state.version
        queue = [(ranking.table.rows[item.item_id], item.rank - 1) for item in slate.items]
        for _ in range(min(PLAYS, len(queue))):
            explores = draws.random() < EXPLORE
            row, slot = queue.pop(int(draws.integers(len(queue))) if explores else 0)
            seat.hear(row, Served(slate_version=version, slot=slot))
