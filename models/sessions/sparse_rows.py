"""What scipy's sparse rows lack: the largest of each row, and look-ups by the million."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.sessions.read import I32, I64

F32 = NDArray[np.float32]


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


def look_up(matrix: sparse.csr_matrix, rows: I32, columns: I32) -> F32:
    """matrix[rows[i], columns[i]] for every i; 0 where either is negative. Columns are sorted."""
    known = (rows >= 0) & (columns >= 0)
    if not known.any() or not matrix.nnz:
        return np.zeros(len(rows), dtype=np.float32)
    found = matrix[np.where(known, rows, 0), np.where(known, columns, 0)]
    return np.where(known, np.asarray(found).ravel(), 0).astype(np.float32)
