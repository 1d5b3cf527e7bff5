"""What needs no training: popularity, transitions, item and session neighbours, and a hybrid.

All behind one protocol, as the trained recommender is: a query in, the target's rank among all
items out. Ties count against: what a method gives no score ranks behind everything.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.sessions.metrics import UNREACHED
from models.sessions.neighbours import Neighbours
from models.sessions.queries import Queries
from models.sessions.read import I32, I64, SessionLog
from models.sessions.recipe import NeighbourRecipe
from models.sessions.sparse_rows import look_up, rows_of
from models.sessions.transitions import Transitions

BLOCK: Final = 1024
HYBRID_MARKOV: Final = 0.3
ITEM_KNN_DAMPING: Final = 20.0


class Recommender(Protocol):
    """Says where the target ranks."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def ranks(self, queries: Queries) -> I64:
        """int64[n]: 1 for the best; UNREACHED where the target has no score at all."""
        ...


@dataclass(frozen=True)
class Popular:
    """The most played items, whatever the session."""

    plays: I64
    name: str = "pop"

    def ranks(self, queries: Queries) -> I64:
        """Every item played as often or more stands before the target."""
        place = len(self.plays) - np.searchsorted(np.sort(self.plays), self.plays)
        ranks = np.where(self.plays > 0, place, UNREACHED)[queries.target]
        return np.where(queries.target >= 0, ranks, UNREACHED)


class SparseScores(Protocol):
    """Scores for the few items that a session speaks for."""

    def score(self, queries: Queries) -> sparse.csr_matrix:
        """csr[q, items], columns sorted; 0 is no score."""
        ...


@dataclass(frozen=True)
class BySparseScores:
    """A recommender of anything that scores a few items."""

    name: str
    scores: SparseScores

    def ranks(self, queries: Queries) -> I64:
        """Block by block."""
        parts = [np.empty(0, np.int64)]
        for begin in range(0, len(queries), BLOCK):
            part = queries.take(slice(begin, begin + BLOCK))
            parts.append(sparse_ranks(self.scores.score(part), part.target))
        return np.concatenate(parts)


def sparse_ranks(scores: sparse.csr_matrix, target: I32) -> I64:
    """Rank of each row's target; those with the same score stand before it."""
    mine = look_up(scores, np.arange(len(target), dtype=np.int32), target)
    owner = np.repeat(np.arange(len(target)), np.diff(scores.indptr))
    before = np.bincount(owner, scores.data >= mine[owner], len(target)).astype(np.int64)
    return np.where(mine > 0, before, UNREACHED)


@dataclass(frozen=True)
class Markov:
    """What followed the newest play."""

    transitions: Transitions

    def score(self, queries: Queries) -> sparse.csr_matrix:
        """Shares of what followed."""
        leaves = np.maximum(self.transitions.leaves[np.maximum(queries.last, 0)], 1)
        return by_row(rows_of(self.transitions.follows, queries.last), 1 / leaves)


@dataclass(frozen=True)
class ItemNeighbours:
    """Items found in the same sessions as the newest play, by cosine, rare ones damped."""

    index: Neighbours

    def score(self, queries: Queries) -> sparse.csr_matrix:
        """Shared sessions over the root of both items' sessions."""
        together = rows_of(self.index.postings, queries.last) @ self.index.holds
        held = np.asarray(self.index.holds.sum(axis=0)).ravel() + ITEM_KNN_DAMPING
        together.data /= np.sqrt(held[together.indices])
        owner = np.repeat(np.arange(len(queries)), np.diff(together.indptr))
        together.data[together.indices == queries.last[owner]] = 0  # it shares all with itself
        together.sort_indices()
        return together


@dataclass(frozen=True)
class SessionNeighbours:
    """VSKNN."""

    index: Neighbours
    recipe: NeighbourRecipe

    def score(self, queries: Queries) -> sparse.csr_matrix:
        """Sums of likeness."""
        return self.index.score(queries.of_session, self.recipe)[0]


@dataclass(frozen=True)
class Hybrid:
    """VSKNN over its best, plus a share of the Markov probability."""

    neighbours: SessionNeighbours
    markov: Markov

    def score(self, queries: Queries) -> sparse.csr_matrix:
        """A weighted sum."""
        near = self.neighbours.score(queries)
        best = np.maximum(near.max(axis=1).toarray().ravel(), 1e-9)
        total = by_row(near, 1 / best) + HYBRID_MARKOV * self.markov.score(queries)
        total.sort_indices()
        return total


def by_row(matrix: sparse.csr_matrix, factor: NDArray[np.floating]) -> sparse.csr_matrix:
    """Each row times its factor."""
    scaled = matrix.copy()
    scaled.data = (matrix.data * np.repeat(factor, np.diff(matrix.indptr))).astype(np.float32)
    return scaled


def baselines(
    log: SessionLog, index: Neighbours, transitions: Transitions, recipe: NeighbourRecipe
) -> list[Recommender]:
    """All of them, of one log."""
    items = index.holds.shape[1]
    plays = np.bincount(log.items[log.items >= 0], minlength=items).astype(np.int64)
    markov, near = Markov(transitions), SessionNeighbours(index, recipe)
    return [
        Popular(plays),
        BySparseScores("markov", markov),
        BySparseScores("item-knn", ItemNeighbours(index)),
        BySparseScores("vsknn", near),
        BySparseScores("hybrid", Hybrid(near, markov)),
    ]
