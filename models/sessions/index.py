"""The index of a log: what `service.core.retrieval` reads of it, when training and when serving."""

from typing import Final

import numpy as np
from scipy import sparse

from models.sessions.clusters import cluster_items
from models.sessions.neighbours import index_sessions
from models.sessions.read import I32, SessionLog
from models.sessions.recipe import NeighbourRecipe
from models.sessions.sparse_rows import F32
from models.sessions.transitions import Transitions, count_transitions
from service.core.items import U8
from service.core.retrieval.index import LINK_UNIT, SessionIndex

POPULAR_PER_KIND: Final = 10
LINKS_MAX: Final = 400
"""Strongest links kept of an item: those of a hit would make every session that holds it slow."""


def build_index(
    log: SessionLog, vectors: F32, kind: U8, recipe: NeighbourRecipe, *, seed: int = 0
) -> SessionIndex:
    """Index a log's sessions; vectors float32[n, d] and kind uint8[n] of its n items."""
    items = len(vectors)
    sessions = index_sessions(log, items, recipe)
    counts = count_transitions(log, items)
    starts, linked, links = _links(counts, items)
    clusters = cluster_items(vectors, seed=seed)
    return SessionIndex(
        vectors=np.ascontiguousarray(vectors, dtype=np.float32),
        kind=np.asarray(kind, np.uint8),
        posting_starts=sessions.postings.indptr.astype(np.int64),
        postings=sessions.postings.indices.astype(np.int32),
        play_starts=sessions.holds.indptr.astype(np.int64),
        plays=sessions.holds.indices.astype(np.int32),
        link_starts=starts,
        link_items=linked,
        links=links,
        facts=_facts(counts),
        popular=_popular(counts, kind),
        centroids=clusters.centroids,
        cluster_starts=clusters.starts,
        cluster_items=clusters.items,
        clusters=clusters.vectors,
    )


def _links(counts: Transitions, items: int) -> tuple[np.ndarray, I32, np.ndarray]:
    """Merge what followed an item and what it followed, row by row, the strongest kept."""
    columns = (
        counts.follows,
        counts.follows_lately,
        counts.follows.T.tocsr(),
        counts.soon,
        counts.soon.T.tocsr(),
    )
    pattern = sparse.csr_matrix((counts.soon + counts.soon.T) > 0)
    pattern.sort_indices()
    row = np.repeat(np.arange(items), np.diff(pattern.indptr))
    column = pattern.indices
    key = row * items + column
    links = np.zeros((len(key), len(columns)), np.uint16)
    for at, matrix in enumerate(columns):
        matrix.sort_indices()
        mine = np.repeat(np.arange(items), np.diff(matrix.indptr)) * items + matrix.indices
        value = np.minimum(np.rint(matrix.data * LINK_UNIT), np.iinfo(np.uint16).max)
        links[np.searchsorted(key, mine), at] = value
    strength = links[:, 3].astype(np.int64) + links[:, 4]
    order = np.lexsort((column, -strength, row))
    place = np.arange(len(order)) - pattern.indptr[:-1][row[order]]
    kept = np.sort(order[place < LINKS_MAX])
    starts = np.searchsorted(row[kept], np.arange(items + 1)).astype(np.int64)
    return starts, column[kept].astype(np.int32), np.ascontiguousarray(links[kept])


def _facts(counts: Transitions) -> F32:
    columns = (counts.popularity, np.log(counts.last_seen + 1e-4)[:, None], counts.leaves[:, None])
    return np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)


def _popular(counts: Transitions, kind: U8) -> I32:
    """The items of each content type heard most among the newest plays."""
    lately = counts.popularity[:, 1]
    best = [
        rows[np.argsort(-lately[rows], kind="stable")[:POPULAR_PER_KIND]]
        for rows in (np.flatnonzero((kind == number) & (lately > 0)) for number in range(4))
    ]
    return np.concatenate(best).astype(np.int32)
