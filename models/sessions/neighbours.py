"""Sessions like this one, and what was heard in them (VSKNN): an inverted index, no training.

A session is like this one by the plays they share, newer plays counting more; the score of an item
is the sum over the most alike sessions that hold it. Posting lists hold an item's newest sessions
only, so that the cost of a query does not grow with the log.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from models.sessions.read import I32, SessionLog
from models.sessions.recipe import NeighbourRecipe
from models.sessions.sparse_rows import top_per_row

NEWEST_FIRST: Final = 1e-4
"""Between sessions equally alike, the newer: too little to matter between unequal ones."""


@dataclass(frozen=True)
class Neighbours:
    """The index (n items, s sessions).

    holds: csr[s, n], 1 where a session holds an item. postings: csr[n, s], the newest of each item.
    """

    holds: sparse.csr_matrix
    postings: sparse.csr_matrix

    def score(
        self, recent: I32, recipe: NeighbourRecipe
    ) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """What sessions like these hold: csr[q, n] scores, csr[q, n] how many of them hold it."""
        alike = session_weights(recent, recipe.fade_plays, self.holds.shape[1]) @ self.postings
        alike.data += NEWEST_FIRST / self.holds.shape[0] * alike.indices.astype(np.float32)
        nearest = top_per_row(alike, recipe.sessions)
        scores = nearest @ self.holds
        nearest.data = np.ones_like(nearest.data)
        counts = nearest @ self.holds
        scores.sort_indices()
        counts.sort_indices()
        return scores, counts


def index_sessions(log: SessionLog, items: int, recipe: NeighbourRecipe) -> Neighbours:
    """Build the index of a log, later sessions newer."""
    known = log.items >= 0
    key = np.unique(log.owner[known] * items + log.items[known])
    session, item = key // items, key % items
    ones = np.ones(len(key), dtype=np.float32)
    holds = sparse.csr_matrix((ones, (session, item)), shape=(len(log), items))
    order = np.lexsort((-session, item))
    begins = np.searchsorted(item[order], np.arange(items))
    newest = order[np.arange(len(order)) - begins[item[order]] < recipe.postings_max]
    postings = sparse.csr_matrix(
        (ones[: len(newest)], (item[newest], session[newest])), shape=(items, len(log))
    )
    return Neighbours(holds, postings)


def session_weights(recent: I32, fade_plays: float, items: int) -> sparse.csr_matrix:
    """csr[q, n]: a weight for each distinct item of each session, fading with later plays."""
    fade = np.exp(-np.arange(recent.shape[1]) / fade_plays).astype(np.float32)
    query, place = np.nonzero(recent >= 0)
    key = query * items + recent[query, place]
    distinct, first = np.unique(key, return_index=True)  # the newest play: nonzero goes in order
    weight = fade[place[first]]
    return sparse.csr_matrix(
        (weight, (distinct // items, distinct % items)), shape=(len(recent), items)
    )
