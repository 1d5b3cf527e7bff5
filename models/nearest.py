"""Exact nearest neighbours of item vectors, in plain numpy: the demo needs it without scipy."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import NEIGHBOURS

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

BLOCK: Final = 1024


def nearest(
    vectors: F32, group: NDArray[np.uint8], *, count: int = NEIGHBOURS
) -> NDArray[np.int32]:
    """Exact nearest neighbours by cosine within each group (a content type), a block at a time.

    Returns:
        int32[n, count] rows by falling similarity, -1 padded; an item without a vector has none.
    """
    result = np.full((len(vectors), count), -1, dtype=np.int32)
    has_vector = np.abs(vectors).sum(axis=1) > 0
    for code in np.unique(group):
        rows = np.flatnonzero((group == code) & has_vector)
        _fill(result, rows, np.ascontiguousarray(vectors[rows]), count)
    return result


def _fill(result: NDArray[np.int32], rows: I64, vectors: F32, count: int) -> None:
    k = min(count, len(rows) - 1)
    if k <= 0:
        return
    for begin in range(0, len(rows), BLOCK):
        scores = vectors[begin : begin + BLOCK] @ vectors.T  # [block, n]
        local = np.arange(len(scores))
        scores[local, begin + local] = -np.inf
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        order = np.lexsort((best, -np.take_along_axis(scores, best, axis=1)), axis=1)
        result[rows[begin : begin + BLOCK], :k] = rows[np.take_along_axis(best, order, axis=1)]
