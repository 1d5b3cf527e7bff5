"""What scipy's sparse rows lack: the largest of each row, and look-ups by the million."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.sessions.read import I32, I64

F32 = NDArray[np.float32]

IN_BLOCK: Final = 16


def top_per_row(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Keep the `count` largest values of each row; equal ones by the larger column.

    Columns stand for sessions in order of time, or items in order of first appearance: of equals,
    the newest stays.
    """
    kept = [
        begin + _largest(matrix.data[begin:end], matrix.indices[begin:end], count)
        for begin, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    ]
    chosen = np.concatenate(kept) if kept else np.empty(0, np.int64)
    starts = np.concatenate([[0], np.cumsum([len(part) for part in kept])])
    return sparse.csr_matrix(
        (matrix.data[chosen], matrix.indices[chosen], starts), shape=matrix.shape
    )


def _largest(values: F32, columns: I32, count: int) -> I64:
    if len(values) <= count:
        return np.arange(len(values))
    cut = np.partition(values, len(values) - count)[len(values) - count]
    above, ties = np.flatnonzero(values > cut), np.flatnonzero(values == cut)
    room = count - len(above)
    if len(ties) > room:
        ties = ties[np.argpartition(columns[ties], len(ties) - room)[len(ties) - room :]]
    return np.concatenate([above, ties])


def look_up(matrix: sparse.csr_matrix, rows: I32, columns: I32) -> F32:
    """matrix[rows[i], columns[i]] for every i; 0 where either is negative. Columns are sorted."""
    known = (rows >= 0) & (columns >= 0)
    if not known.any() or not matrix.nnz:
        return np.zeros(len(rows), dtype=np.float32)
    found = matrix[np.where(known, rows, 0), np.where(known, columns, 0)]
    return np.where(known, np.asarray(found).ravel(), 0).astype(np.float32)


def largest_of_dense(scores: F32, count: int) -> I32:
    """int32[n, count]: columns of the largest values of each row, in no order.

    Exact, and several times faster than a partition of whole rows: the largest 100 values lie in
    the 100 blocks with the largest maxima.
    """
    rows, width = scores.shape
    blocks = width // IN_BLOCK
    if blocks <= 2 * count:
        count = min(count, width)
        return np.argpartition(scores, width - count, axis=1)[:, width - count :].astype(np.int32)
    # Block b holds columns b, b + blocks, b + 2 * blocks ...: their maxima are found side by side.
    whole = scores[:, : blocks * IN_BLOCK].reshape(rows, IN_BLOCK, blocks)
    best = np.argpartition(whole.max(axis=1), blocks - count, axis=1)[:, blocks - count :]
    columns = (best[:, :, None] + blocks * np.arange(IN_BLOCK)).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(blocks * IN_BLOCK, width), (rows, width % IN_BLOCK))
    columns = np.concatenate([columns, rest], axis=1)
    values = np.take_along_axis(scores, columns, axis=1)
    cut = values.shape[1] - count
    largest = np.argpartition(values, cut, axis=1)[:, cut:]
    return np.take_along_axis(columns, largest, axis=1).astype(np.int32)
