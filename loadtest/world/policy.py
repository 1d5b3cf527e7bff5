"""Who chose what played before there was a recommender: the logging policy, a mixture.

own        the listener's choice: the best of the library and a few well-known items, or the next
           episode or chapter of something begun
popular    by popularity over everything
similar    like the last item that was not skipped: same creator, or near in taste
random     any item at all
"""

from bisect import bisect
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.session import LiveListener

I64 = NDArray[np.int64]

MIX: Final = {"own": 0.32, "popular": 0.22, "similar": 0.34, "random": 0.12}
PARTS: Final = tuple(MIX)
_EDGES: Final = tuple(accumulate(MIX.values()))[:-1]
LOOKED_AT: Final = 24
NEAR: Final = 40
SAME_CREATOR: Final = 0.3
CARRY_ON: Final = 0.75
INDECISION: Final = 0.7


class MixedPolicy:
    """Chooses the next item for a listener, as a world without this service would."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._by_pull = np.cumsum(world.table.popularity.astype(np.float64))
        self._near: dict[int, I64] = {}
        self._of_creator = _rows_by_creator(world)

    def choose(self, live: LiveListener, last: int | None) -> tuple[int, str]:
        """Return (row, which part of the mixture chose it). `last` is the last row not skipped."""
        part = PARTS[bisect(_EDGES, live.rng.random())]
        if part == "similar" and last is not None:
            return self._similar(live, last), part
        if part == "random":
            return int(live.rng.integers(len(self.world))), part
        if part == "popular" or (part == "similar" and last is None):
            return int(self.popular(live.rng, 1)[0]), "popular"
        return self._own(live), part

    def popular(self, rng: np.random.Generator, count: int) -> I64:
        """Draw rows by popularity."""
        rows = np.searchsorted(self._by_pull, rng.random(count) * self._by_pull[-1], side="right")
        return np.asarray(np.minimum(rows, len(self.world) - 1))

    def _own(self, live: LiveListener) -> int:
        wanted = live.mood.content_type
        begun = [row for row in live.next_up.values() if row >= 0 and self._kind(row) == wanted]
        if begun and live.rng.random() < CARRY_ON:
            return begun[-1]
        library = _some(live.rng, live.listener.library, LOOKED_AT // 2)
        rows = np.concatenate([library, self.popular(live.rng, LOOKED_AT // 2)])
        return int(
            rows[np.argmax(live.affinity(rows) + INDECISION * live.rng.gumbel(size=len(rows)))]
        )

    def _similar(self, live: LiveListener, last: int) -> int:
        if self._kind(last) in (1, 2) or live.rng.random() < SAME_CREATOR:
            following = int(self.world.table.next_in_series[last])
            if self._kind(last) in (1, 2) and following >= 0:
                return following
            return int(_some(live.rng, self._of_creator[self.world.table.artist[last]], 1)[0])
        return int(_some(live.rng, self._neighbours(last), 1)[0])

    def _neighbours(self, row: int) -> I64:
        """Rows of the same content type near in the hidden taste space, popular ones first."""
        if row not in self._near:
            likeness = self.world.latent @ self.world.latent[row] + 0.1 * self.world.quality
            likeness[self.world.table.content_type != self.world.table.content_type[row]] = -9
            likeness[row] = -9
            self._near[row] = np.argpartition(-likeness, NEAR)[:NEAR]
        return self._near[row]

    def _kind(self, row: int) -> int:
        return int(self.world.table.content_type[row])


def _rows_by_creator(world: World) -> list[I64]:
    order = np.argsort(world.table.artist, kind="stable")
    edges = np.searchsorted(world.table.artist[order], np.arange(len(world.table.artist_ids) + 1))
    return [order[a:b] for a, b in pairwise(edges)]


def _some(rng: np.random.Generator, rows: I64, count: int) -> I64:
    return rows[rng.integers(len(rows), size=count)]
