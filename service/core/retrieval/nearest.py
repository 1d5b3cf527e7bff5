"""Items nearest to a direction, cluster by cluster, compiled.

Vectors lie with one dimension after the other within a cluster, so that the loop over its members
is a run over neighbours in memory. Searching every cluster is exact search.
"""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.index import I64


@njit(cache=True, fastmath={"contract"})
def nearest_items(  # noqa: PLR0913, PLR0917 - a kernel takes bare arrays
    direction: F32,
    centroids: F32,
    cluster_starts: I64,
    cluster_items: I32,
    clusters: F32,
    probes: int,
    best: I32,
    score: F32,
    near: F32,
    rows: I32,
) -> int:
    """Fill best int32[k] and score float32[k], best first; returns how many were found.

    near float32[n] and rows int32[n] are working memory.
    """
    dim, count = centroids.shape
    towards = np.zeros(count, np.float32)
    for k in range(dim):
        for c in range(count):
            towards[c] += direction[k] * centroids[k, c]
    chosen = np.argsort(-towards)[:probes] if probes < count else np.arange(count)
    total = 0
    for c in chosen:
        begin, end = cluster_starts[c], cluster_starts[c + 1]
        size = end - begin
        part = near[total : total + size]
        part[:] = 0
        block = clusters[begin * dim : end * dim].reshape(dim, size)
        for k in range(0, dim - 3, 4):  # four at a time: a quarter of the writes
            d0, d1, d2, d3 = direction[k], direction[k + 1], direction[k + 2], direction[k + 3]
            for m in range(size):
                part[m] += (
                    d0 * block[k, m]
                    + d1 * block[k + 1, m]
                    + d2 * block[k + 2, m]
                    + d3 * block[k + 3, m]
                )
        for k in range(dim - dim % 4, dim):
            for m in range(size):
                part[m] += direction[k] * block[k, m]
        rows[total : total + size] = cluster_items[begin:end]
        total += size
    return keep_best(near[:total], rows[:total], best, score)


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
