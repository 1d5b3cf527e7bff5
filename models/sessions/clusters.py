"""Clusters of item vectors, for a search that looks at the nearest few of them only.

Spherical k-means (Dhillon and Modha, 2001) on a sample, then every item to its nearest centre.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from models.sessions.read import I8, I32, I64
from models.sessions.sparse_rows import F32

MEMBERS: Final = 120
ROUNDS: Final = 8
SAMPLE_PER_CLUSTER: Final = 64
BLOCK: Final = 4096


@dataclass(frozen=True)
class Clusters:
    """Items in groups.

    Shapes: centroids float32[d, c]; starts int64[c + 1]; items int32[n], cluster by cluster;
    vectors int8, the members of each cluster as int8[d, members], one after the other.
    """

    centroids: F32
    starts: I64
    items: I32
    vectors: I8


def cluster_items(vectors: F32, *, seed: int = 0) -> Clusters:
    """Group items; those without a vector (zero) are left out: nothing can be near to them."""
    rows = np.flatnonzero(np.abs(vectors).sum(axis=1) > 0).astype(np.int32)
    known = np.asarray(vectors[rows], np.float32)
    count = max(1, len(rows) // MEMBERS)
    centroids = _centres(known, count, np.random.default_rng(seed))
    of_item = _nearest(known, centroids)
    order = np.argsort(of_item, kind="stable")
    starts = np.searchsorted(of_item[order], np.arange(len(centroids) + 1)).astype(np.int64)
    step = float(np.abs(known).max(initial=0)) / np.iinfo(np.int8).max or 1.0
    coarse = np.rint(known / np.float32(step)).astype(np.int8)
    parts = [coarse[order[a:b]].T.ravel() for a, b in pairwise(starts)]
    packed = np.concatenate([np.empty(0, np.int8), *parts])
    centroids = np.ascontiguousarray(centroids.T)
    return Clusters(centroids, starts, rows[order], packed)


def _centres(vectors: F32, count: int, draws: np.random.Generator) -> F32:
    if not len(vectors):
        return np.zeros((1, vectors.shape[1]), np.float32)
    size = min(len(vectors), count * SAMPLE_PER_CLUSTER)
    sample = vectors[draws.choice(len(vectors), size, replace=False)]
    centres = sample[:count].copy()
    for _ in range(ROUNDS):
        of_item = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, of_item, sample)
        empty = np.bincount(of_item, minlength=count) == 0
        sums[empty] = sample[draws.choice(size, int(empty.sum()))]
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return centres


def _nearest(vectors: F32, centres: F32) -> I64:
    parts = [
        np.argmax(vectors[begin : begin + BLOCK] @ centres.T, axis=1)
        for begin in range(0, len(vectors), BLOCK)
    ]
    return np.concatenate([np.empty(0, np.int64), *parts])
