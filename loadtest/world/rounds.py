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
from loadtest.world.policy import MixedPolicy
from loadtest.world.seat import Seat, warm_seat
from loadtest.world.session import Mood
from models.dataset import Examples, build_examples
from models.ranker import Ranker
from service.core.events import CONTENT_TYPES, Served
from service.core.features import Features
from service.core.items import F32
from service.core.slates import Model
from service.core.steering import SteerIntent
from service.ports import Scorer
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


def play_round(
    world: World, ranker: Ranker, number: int, *, listeners: int, even_types: bool = False
) -> Examples:
    """Serve `listeners` new listeners with a ranker; returns what became of the served items.

    `world` has its vectors and neighbours.
    """
    seats = served_seats(
        world, ArrayScorer(ranker), number, listeners=listeners, even_types=even_types
    )
    events = sorted((event for seat in seats for event in seat.told), key=lambda e: e.at_ms)
    return build_examples(world.table, events, only_served=True)


def served_seats(
    world: World, scorer: Scorer, number: int, *, listeners: int, even_types: bool = False
) -> list[Seat]:
    """New listeners after some slates. A round's number names its listeners.

    With `even_types` as many sessions are about each content type, asked for by name: the rarer
    types are then heard often enough to be judged.
    """
    ranking = Ranking(world.table, default_sources(world.table), scorer)
    draws = np.random.default_rng([world.seed, 5, number])
    first, policy = number * LISTENERS_APART, MixedPolicy(world)
    seats = [
        warm_seat(world, first + n, START_MS + n * APART_MS, sessions=n % WARM_UPS, policy=policy)
        for n in range(listeners)
    ]
    for session in range(SESSIONS):
        for n, seat in enumerate(seats):
            seat.open_session()
            if even_types:
                _want(seat, (n // WARM_UPS + session) % len(CONTENT_TYPES))
        for _ in range(SLATES):
            for begin in range(0, listeners, BATCH):
                _serve(ranking, seats[begin : begin + BATCH], draws)
    return seats


def _want(seat: Seat, kind: int) -> None:
    """A session that asks for one content type alone; or for none, with music as the mood goes."""
    listener, others = seat.live.listener, set(CONTENT_TYPES) - {CONTENT_TYPES[kind]}
    if kind:
        mine = np.flatnonzero(listener.anchor_types == kind)
        seat.live.hold(Mood(kind, None, listener.anchors[seat.live.rng.choice(mine)]))
    else:
        seat.live.let_go()
    excluded = tuple(t for t in CONTENT_TYPES if kind and t in others)
    seat.steer(SteerIntent(reset=True, exclude_types=excluded))


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
