"""Item vectors from sessions alone: PPMI-SVD of what is heard near what.

Co-occurrence at distances 1 to 5 with weight 1/k, symmetric, empty diagonal; positive pointwise
mutual information with contexts smoothed by the power 0.75; a randomised eigendecomposition;
eigenvectors times the root of the eigenvalue's size; unit length. Knows nothing of what an item
is.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

DIM: Final = 64
WINDOW: Final = 5
SMOOTHING: Final = 0.75
POWER_ITERATIONS: Final = 4
OVERSAMPLING: Final = 20


def item_vectors(sessions: Sequence[I64], items: int, *, dim: int = DIM, seed: int = 0) -> F32:
    """Learn a vector per item from sessions of item rows, each in order of time.

    Returns:
        float32[items, dim], unit length; zero for an item that is never heard near another.
    """
    ppmi = positive_pmi(cooccurrence(sessions, items))
    values, vectors = leading_eigenpairs(ppmi, dim, seed)
    scaled = np.zeros((items, dim), dtype=np.float64)
    scaled[:, : len(values)] = vectors * np.sqrt(np.abs(values))
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    seen = np.asarray(ppmi.getnnz(axis=1) > 0)[:, None]
    return np.where(seen, scaled / np.maximum(length, 1e-12), 0.0).astype(np.float32)


def cooccurrence(sessions: Sequence[I64], items: int) -> sparse.csr_matrix:
    """Symmetric weights: 1/k for two items heard k plays apart, k up to 5."""
    played = np.concatenate([np.asarray(s, dtype=np.int64) for s in sessions] or [np.empty(0, int)])
    owner = np.repeat(np.arange(len(sessions)), [len(s) for s in sessions])
    total = sparse.csr_matrix((items, items), dtype=np.float64)
    for apart in range(1, WINDOW + 1):
        here, there = played[:-apart], played[apart:]
        near = (owner[:-apart] == owner[apart:]) & (here != there)
        weight = np.full(int(near.sum()), 1.0 / apart)
        total += sparse.csr_matrix((weight, (here[near], there[near])), shape=(items, items))
    return (total + total.T).tocsr()


def positive_pmi(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Positive pointwise mutual information, contexts smoothed, made symmetric."""
    pairs = counts.tocoo()
    occurs = np.asarray(counts.sum(axis=1)).ravel()
    context = occurs**SMOOTHING
    total, context_total = max(occurs.sum(), 1e-12), max(context.sum(), 1e-12)
    expected = occurs[pairs.row] / total * (context[pairs.col] / context_total)
    pmi = np.maximum(np.log(pairs.data / total / expected), 0.0)
    positive = sparse.csr_matrix((pmi, (pairs.row, pairs.col)), shape=counts.shape)
    positive = ((positive + positive.T) / 2).tocsr()
    positive.eliminate_zeros()
    return positive


def leading_eigenpairs(
    matrix: sparse.csr_matrix, count: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenpairs of largest size of a symmetric matrix, by randomised subspace iteration.

    Returns:
        (float64[k] by falling size, float64[n, k] columns with a positive largest entry).
    """
    n = matrix.shape[0]
    width = min(count + OVERSAMPLING, n)
    basis = np.random.default_rng(seed).normal(size=(n, width))
    for _ in range(POWER_ITERATIONS + 1):
        basis, _ = np.linalg.qr(matrix @ basis)
    values, small = np.linalg.eigh(basis.T @ (matrix @ basis))
    order = np.argsort(-np.abs(values))[: min(count, width)]
    vectors = basis @ small[:, order]
    peak = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[peak, np.arange(len(order))])
    return values[order], vectors * np.where(signs == 0, 1.0, signs)


def back_off(vectors: F32, counts: NDArray[np.float64], group: I64, *, weight: float) -> F32:
    """Lean the vectors of rarely heard items on their group's mean (an artist, a show).

    An item heard `counts` times keeps the share counts / (counts + weight) of its own direction;
    one never heard gets its group's. Items without a group (-1) stay as they are.
    """
    grouped = np.flatnonzero(group >= 0)
    if not len(grouped):
        return vectors
    total = np.zeros((int(group.max()) + 1, vectors.shape[1]))
    np.add.at(total, group[grouped], vectors[grouped] * counts[grouped, None])
    mean = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    own = (counts[grouped] / (counts[grouped] + weight))[:, None]
    mixed = own * vectors[grouped] + (1 - own) * mean[group[grouped]]
    result = vectors.copy()
    result[grouped] = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    return result
