"""Items near what the session wants: exact search, one index per content type.

An index per type keeps "no podcasts" from emptying the result: what is excluded is never searched.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from service.core.events import CONTENT_TYPES
from service.core.items import F32, I32, ItemTable
from service.core.sessions import SessionBatch

PER_TYPE: Final = (80, 20, 10, 16)
"""How many to take of each content type: music, podcast, audiobook, video."""


@dataclass(frozen=True)
class TypeIndex:
    """The vectors of one content type, and the rows they stand for."""

    rows: I32
    vectors: F32


@dataclass(frozen=True)
class SessionVector:
    """Nearest items to the session vector, of every content type."""

    table: ItemTable
    name: str = "session"

    @cached_property
    def indexes(self) -> tuple[TypeIndex, ...]:
        """One index per content type, over items that have a vector."""
        return tuple(type_index(self.table, number) for number in range(len(CONTENT_TYPES)))

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Search for every session that has a vector."""
        asking = np.flatnonzero(np.abs(sessions.wanted).sum(axis=1) > 0).astype(np.int32)
        return search(self.indexes, sessions.wanted[asking], asking, PER_TYPE)


def type_index(table: ItemTable, content_type: int) -> TypeIndex:
    """Collect the items of a content type that have a vector."""
    has_vector = np.abs(table.vectors).sum(axis=1) > 0
    rows = np.flatnonzero((table.content_type == content_type) & has_vector).astype(np.int32)
    return TypeIndex(rows, np.ascontiguousarray(table.vectors[rows]))


def search(
    indexes: tuple[TypeIndex, ...], queries: F32, owner: I32, per_type: tuple[int, ...]
) -> tuple[I32, I32]:
    """Exact top-k of every query in every index.

    Shapes:
        queries: float32[q, d], owner: int32[q] -> (owner, items): int32[m] each
    """
    owners, items = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for index, wanted in zip(indexes, per_type, strict=True):
        k = min(wanted, len(index.rows))
        if not k or not len(queries):
            continue
        scores = queries @ index.vectors.T
        best = np.argpartition(scores, len(index.rows) - k, axis=1)[:, len(index.rows) - k :]
        items.append(index.rows[best].ravel())
        owners.append(np.repeat(owner, k))
    return np.concatenate(owners), np.concatenate(items)
