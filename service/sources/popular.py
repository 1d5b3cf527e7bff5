"""What many people play, and what is new: the answer for a session that has said nothing yet."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from service.core.events import CONTENT_TYPES
from service.core.items import F32, I32, ItemTable
from service.core.sessions import SessionBatch

POPULAR_PER_TYPE: Final = 10
FRESH_PER_TYPE: Final = 5


def _best_of_each_type(table: ItemTable, worth: F32, count: int) -> I32:
    """Rows of the `count` items worth most, of every content type."""
    chosen = []
    for content_type in range(len(CONTENT_TYPES)):
        rows = np.flatnonzero((table.content_type == content_type) & (worth > 0))
        order = np.lexsort((rows, -worth[rows]))
        chosen.append(rows[order[:count]])
    return np.concatenate(chosen).astype(np.int32)


def _for_everyone(sessions: SessionBatch, rows: I32) -> tuple[I32, I32]:
    owner = np.repeat(np.arange(len(sessions), dtype=np.int32), len(rows))
    return owner, np.tile(rows, len(sessions))


@dataclass(frozen=True)
class Popular:
    """The most played items of each content type."""

    table: ItemTable
    name: str = "popular"

    @cached_property
    def rows(self) -> I32:
        """int32[k]: the same for everybody."""
        return _best_of_each_type(self.table, self.table.popularity, POPULAR_PER_TYPE)

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Propose them to everybody."""
        return _for_everyone(sessions, self.rows)


@dataclass(frozen=True)
class Fresh:
    """The newest releases of each content type, where release days are known."""

    table: ItemTable
    name: str = "fresh"

    @cached_property
    def rows(self) -> I32:
        """int32[k]: the same for everybody. Among equally new items the more popular come first."""
        newness = self.table.released_day + self.table.log_popularity
        worth = np.where(self.table.released_day > 0, newness, 0.0).astype(np.float32)
        return _best_of_each_type(self.table, worth, FRESH_PER_TYPE)

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Propose them to everybody."""
        return _for_everyone(sessions, self.rows)
