"""Items nearest to a direction, cluster by cluster, compiled.

A coarse search over 8-bit vectors, then the best of it in full: what is read of memory is what the
search costs. Coarse vectors lie with one dimension after the other within a cluster, so that the
loop over its members is a run over neighbours in memory. Searching every cluster is exact search,
but for what the coarse order leaves out at the end of the list.
"""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.index import I8, I64


@njit(cache=True)
def keep_best(values: F32, rows: I32, best: I32, score: F32) -> int:
    """The largest of positive values with their rows, best first; equal ones by the lower row."""
    most = min(len(best), len(values))
    if most == 0:
        return 0
    cut = np.partition(values, len(values) - most)[len(values) - most]
    count = 0
    for at in range(len(values)):
        if values[at] >= cut and values[at] > 0 and count < len(best):
            place = count
            while place > 0 and (
                score[place - 1] < values[at]
                or (score[place - 1] == values[at] and best[place - 1] > rows[at])
            ):
                score[place] = score[place - 1]
                best[place] = best[place - 1]
                place -= 1
            score[place] = values[at]
            best[place] = rows[at]
            count += 1
    return count


@njit(cache=True, fastmath={"contract"})
def nearest_clusters(direction: F32, centroids: F32, probes: int) -> I32:
    """int32[probes]: the clusters whose centres are nearest; all of them if so many are wanted."""
    dim, count = centroids.shape
    every = np.arange(count).astype(np.int32)
    if probes >= count:
        return every
    towards = np.zeros(count, np.float32)
    for k in range(dim):
        for c in range(count):
            towards[c] += direction[k] * centroids[k, c]
    chosen, closeness = np.zeros(probes, np.int32), np.zeros(probes, np.float32)
    return chosen[: keep_best(towards, every, chosen, closeness)]


@njit(cache=True, fastmath={"contract"})
def nearest_items(  # noqa: PLR0913, PLR0917 - a kernel takes bare arrays
    direction: F32,
    centroids: F32,
    cluster_starts: I64,
    cluster_items: I32,
    clusters: I8,
    probes: int,
    best: I32,
    score: F32,
    near: F32,
    rows: I32,
) -> int:
    """Fill best int32[k] and coarse score float32[k], best first; returns how many were found.

    near float32[n] and rows int32[n] are working memory.
    """
    dim, total = len(direction), 0
    for c in nearest_clusters(direction, centroids, probes):
        begin, end = cluster_starts[c], cluster_starts[c + 1]
        size = end - begin
        part = near[total : total + size]
        part[:] = 0
        block = clusters[begin * dim : end * dim].reshape(dim, size)
        for k in range(0, dim - 3, 4):  # four at a time: a quarter of the writes
            d0, d1, d2, d3 = direction[k], direction[k + 1], direction[k + 2], direction[k + 3]
            for m in range(size):
                part[m] += (
                    d0 * np.float32(block[k, m])
                    + d1 * np.float32(block[k + 1, m])
                    + d2 * np.float32(block[k + 2, m])
                    + d3 * np.float32(block[k + 3, m])
                )
        for k in range(dim - dim % 4, dim):
            for m in range(size):
                part[m] += direction[k] * np.float32(block[k, m])
        rows[total : total + size] = cluster_items[begin:end]
        total += size
    return keep_best(near[:total], rows[:total], best, score)


@njit(cache=True, fastmath={"contract", "reassoc"})
def refine(direction: F32, vectors: F32, best: I32, score: F32) -> None:
    """Score the rows best int32[k] in full and put them in order; equal ones by the lower row."""
    for at in range(len(best)):
        row = best[at]
        value = np.float32(0)
        for k in range(len(direction)):
            value += direction[k] * vectors[row, k]
        place = at
        while place > 0 and (
            score[place - 1] < value or (score[place - 1] == value and best[place - 1] > row)
        ):
            score[place] = score[place - 1]
            best[place] = best[place - 1]
            place -= 1
        score[place] = value
        best[place] = row
