"""Who picks the next item in a closed loop: popularity, chance, the service, an oracle."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.session import LiveListener
from service.core.session import SessionState
from service.ranking import Ranking

I64 = NDArray[np.int64]

NOT_AGAIN_PLAYS: Final = 12  # the service's own filter has the same reach
BATCH: Final = 16


class Arm(Protocol):
    """Picks one item for each listener, given what the service knows (and, for an oracle, more)."""

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Return one row per listener."""
        ...


class PopularArm:
    """The most popular item that was not heard lately."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._best = np.argsort(-world.table.popularity, kind="stable")

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Walk down the charts."""
        return [self._first(heard_lately(self._world, state)) for state in states]

    def _first(self, lately: set[int]) -> int:
        return next(int(row) for row in self._best if int(row) not in lately)


class RandomArm:
    """Any item at all."""

    def __init__(self, world: World, seed: int) -> None:
        self._count = len(world)
        self._draws = np.random.default_rng([seed, 3])

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Draw."""
        return [int(row) for row in self._draws.integers(self._count, size=len(states))]


class SegueArm:
    """First place of the slate that the service would push."""

    def __init__(self, ranking: Ranking) -> None:
        self._ranking = ranking

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Rank for everybody, a batch at a time, as a worker does."""
        picked: list[int] = []
        for begin in range(0, len(states), BATCH):
            slates = self._ranking.rank(states[begin : begin + BATCH])
            picked += [self._ranking.table.rows[slate.items[0].item_id] for slate in slates]
        return picked


class OracleArm:
    """The item this listener would like best right now: what no service can know."""

    def __init__(self, world: World) -> None:
        self._all = np.arange(len(world))

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Ask the listener."""
        return [int(np.argmax(live.affinity(self._all))) for live in lives]


def heard_lately(world: World, state: SessionState) -> set[int]:
    """Rows of the newest plays of the ring."""
    newest = state.ring[-NOT_AGAIN_PLAYS:]
    return {row for play in newest if (row := world.table.row_of(play.item_id)) is not None}
