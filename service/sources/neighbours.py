"""Neighbours of what was liked or finished last: item to item, looked up, not searched."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.items import I32
from service.core.memory import PlayEnd
from service.core.sessions import SessionBatch

SEEDS: Final = 3
PER_SEED: Final = 16


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of the newest plays that went well: one still running counts, a skip does not."""

    name: str = "neighbours"

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Look up the neighbours of each session's seeds."""
        good = sessions.played & (sessions.end != PlayEnd.SKIPPED) & (sessions.liked >= 0)
        newest = np.argsort(~good, axis=1, kind="stable")[:, :SEEDS]
        usable = np.take_along_axis(good, newest, axis=1)
        owner, place = np.nonzero(usable)
        seeds = sessions.rows[owner, newest[owner, place]]
        items = sessions.table.neighbours[seeds, :PER_SEED]
        owners = np.repeat(owner.astype(np.int32), items.shape[1])
        known = items.ravel() >= 0
        return owners[known], items.ravel()[known]
