"""What follows what, and what is heard at all: counts of a log in compressed rows."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.sessions.read import SessionLog
from models.sessions.sparse_rows import F32

STEPS: Final = 3
RECENT_SHARES: Final = (1.0, 0.1, 0.02)
"""Popularity is counted over these newest shares of the log's plays."""
HALF_LIFE_SHARE: Final = 0.1
"""Recency-weighted transitions count half as much for each such share of the log's sessions."""


@dataclass(frozen=True)
class Transitions:
    """Counts of a log (n items).

    follows csr[n, n]: plays of the column right after the row; follows_lately: the same, older ones
    counting less; soon: up to 3 steps after, weight 1/k. leaves float32[n]: plays that something
    follows. popularity float32[n, 3]: plays per item in the newest shares, as logarithms. last_seen
    float32[n]: 0 at the log's end, 1 at its beginning or never.
    """

    follows: sparse.csr_matrix
    follows_lately: sparse.csr_matrix
    soon: sparse.csr_matrix
    leaves: F32
    popularity: F32
    last_seen: F32


def count_transitions(log: SessionLog, items: int) -> Transitions:
    """Count a log's steps and plays."""
    age = 1 - np.arange(1, len(log) + 1) / max(len(log), 1)
    fresh = 0.5 ** (age / HALF_LIFE_SHARE)
    steps = [_steps(log, items, apart, None) for apart in range(1, STEPS + 1)]
    soon = sum((matrix / apart for apart, matrix in enumerate(steps, 1)), start=0 * steps[0])
    follows = steps[0]
    return Transitions(
        follows=follows,
        follows_lately=_steps(log, items, 1, fresh),
        soon=_sorted(soon),
        leaves=np.asarray(follows.sum(axis=1), dtype=np.float32).ravel(),
        popularity=_popularity(log, items),
        last_seen=_last_seen(log, items),
    )


def _steps(
    log: SessionLog, items: int, apart: int, weights: NDArray[np.float64] | None
) -> sparse.csr_matrix:
    owner = log.owner
    here, there = log.items[:-apart], log.items[apart:]
    near = (owner[:-apart] == owner[apart:]) & (here >= 0) & (there >= 0)
    value = np.ones(len(near)) if weights is None else weights[owner[:-apart]]
    pairs = (here[near], there[near])
    matrix = sparse.csr_matrix((value[near].astype(np.float32), pairs), shape=(items, items))
    return _sorted(matrix)


def _sorted(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    matrix.sort_indices()
    return matrix


def _popularity(log: SessionLog, items: int) -> F32:
    counts = []
    for share in RECENT_SHARES:
        plays = log.items[int(len(log.items) * (1 - share)) :]
        counts.append(np.bincount(plays[plays >= 0], minlength=items))
    return np.log1p(np.stack(counts, axis=1)).astype(np.float32)


def _last_seen(log: SessionLog, items: int) -> F32:
    seen = np.ones(items, dtype=np.float32)
    known = np.flatnonzero(log.items >= 0)
    seen[log.items[known]] = (1 - known / max(len(log.items), 1)).astype(np.float32)
    return seen  # of several plays of an item, numpy keeps the last: the newest
