"""VSKNN as an arm: what the sessions most like this one hold; no training, no features.

Learned from what listeners finished in the log of the mixed policy, the same log that the ranker's
vectors and first weights come from.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from loadtest.world.arms import heard_lately
from loadtest.world.catalogue import World
from loadtest.world.session import LiveListener
from models.sessions.neighbours import index_sessions
from models.sessions.read import session_log
from models.sessions.recipe import DEFAULT, NeighbourRecipe
from service.core.memory import PlayEnd
from service.core.session import SessionState

I64 = NDArray[np.int64]

READS_PLAYS: Final = 20


class NeighbourArm:
    """The best of what like sessions hold that was not heard lately; the charts when none do."""

    def __init__(
        self, world: World, sessions: Sequence[I64], recipe: NeighbourRecipe = DEFAULT.neighbours
    ) -> None:
        self._world = world
        self._recipe = recipe
        log = session_log([session.tolist() for session in sessions])
        self._index = index_sessions(log, len(world), recipe)
        self._charts = np.argsort(-world.table.popularity, kind="stable")

    def pick(self, states: Sequence[SessionState], lives: Sequence[LiveListener]) -> list[int]:
        """Score for everybody, take the best that is new to each."""
        recent = np.stack([self._finished(state) for state in states])
        scores, _ = self._index.score(recent, self._recipe)
        return [self._best(scores.getrow(at), state) for at, state in enumerate(states)]

    def _finished(self, state: SessionState) -> NDArray[np.int32]:
        """int32[READS_PLAYS]: rows heard to their end, newest first, -1 padded."""
        rows = np.full(READS_PLAYS, -1, dtype=np.int32)
        known = [
            row
            for play in reversed(state.ring)
            if play.end == PlayEnd.COMPLETED
            and (row := self._world.table.row_of(play.item_id)) is not None
        ]
        rows[: len(known[:READS_PLAYS])] = known[:READS_PLAYS]
        return rows

    def _best(self, scores: sparse.csr_matrix, state: SessionState) -> int:
        from_best = scores.indices[np.argsort(-scores.data, kind="stable")]
        lately = heard_lately(self._world, state)
        everything = (int(row) for rows in (from_best, self._charts) for row in rows)
        return next(row for row in everything if row not in lately)
