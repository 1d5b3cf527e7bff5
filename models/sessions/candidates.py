"""Candidates for each query: the union of what encoder, neighbours, transitions and ring propose.

`Evidence` carries what the sources found on the way: the features read it again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from models.sessions.bases import Bases
from models.sessions.queries import Queries
from models.sessions.read import I32, I64
from models.sessions.recipe import NeighbourRecipe, Recipe
from models.sessions.sparse_rows import F32, largest_of_dense, top_per_row

SOURCES: Final = ("encoder", "neighbours", "transitions", "ring")


@dataclass(frozen=True)
class Evidence:
    """What sources say of a batch of n queries.

    scores csr[n, items] of VSKNN and how many neighbours hold an item; narrow: VSKNN again, by the
    newest plays alone. proposed: per source, int32[n, k] item rows, -1 padded, best first.
    """

    scores: sparse.csr_matrix
    counts: sparse.csr_matrix
    narrow: sparse.csr_matrix
    proposed: dict[str, I32]


@dataclass(frozen=True)
class Union:
    """Distinct candidates, query by query: owner, items int32[m], starts int64[n + 1]."""

    owner: I32
    items: I32
    starts: I64


def propose(bases: Bases, queries: Queries, recipe: Recipe) -> Evidence:
    """Ask every source for its `per_source` best."""
    scores, counts = bases.neighbours.score(queries.of_session, recipe.neighbours)
    narrow, _ = bases.neighbours.score(queries.of_session, narrow_recipe(recipe.neighbours))
    directions = queries.direction @ bases.encoder.items.T
    following = rows_of(bases.transitions.soon, queries.last)
    most = recipe.per_source
    proposed = {
        "encoder": _best_dense(directions, most),
        "neighbours": best_sparse(scores, most),
        "transitions": best_sparse(following, most),
        "ring": _newest(queries.recent, most),
    }
    return Evidence(scores, counts, narrow, proposed)


def narrow_recipe(recipe: NeighbourRecipe) -> NeighbourRecipe:
    """More neighbours, found by the newest plays alone."""
    return NeighbourRecipe(
        sessions=2 * recipe.sessions, postings_max=recipe.postings_max, fade_plays=1.5
    )


def rows_of(matrix: sparse.csr_matrix, rows: I32) -> sparse.csr_matrix:
    """The matrix's rows; empty for -1."""
    known = np.flatnonzero(rows >= 0)
    pick = sparse.csr_matrix(
        (np.ones(len(known), np.float32), (known, rows[known])),
        shape=(len(rows), matrix.shape[0]),
    )
    picked = pick @ matrix
    picked.sort_indices()
    return picked


def _newest(recent: I32, count: int) -> I32:
    result = np.full((len(recent), count), -1, dtype=np.int32)
    result[:, : recent.shape[1]] = recent[:, :count]
    return result


def _best_dense(scores: F32, count: int) -> I32:
    best = largest_of_dense(scores, count)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    result = np.full((len(scores), count), -1, dtype=np.int32)
    result[:, : best.shape[1]] = np.take_along_axis(best, order, axis=1)
    return result


def best_sparse(scores: sparse.csr_matrix, count: int) -> I32:
    """int32[n, count]: columns of the largest of each row, best first, -1 padded."""
    kept = top_per_row(scores, count)
    lengths = np.diff(kept.indptr)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((-kept.data, owner))
    place = np.arange(len(order)) - kept.indptr[:-1][owner]
    result = np.full((len(lengths), count), -1, dtype=np.int32)
    result[owner, place] = kept.indices[order]
    return result


def unite(proposed: dict[str, I32], items: int) -> Union:
    """Distinct candidates of all sources, by item within a query."""
    together = np.concatenate(list(proposed.values()), axis=1).astype(np.int64)
    queries = len(together)
    keys = np.arange(queries)[:, None] * items + together
    distinct = np.unique(keys[together >= 0])
    owner = (distinct // items).astype(np.int32)
    starts = np.searchsorted(owner, np.arange(queries + 1))
    return Union(owner, (distinct % items).astype(np.int32), starts)
