"""Looking things up for all sessions of a poll at once: (session, value) pairs as one integer.

Most candidates are not in a listener's ring, so a sorted look-up beats comparing every candidate
with every play.
"""

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32

I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]


def pair_keys(owner: I32, values: I32, values_max: int) -> I64:
    """One integer per (session, value); values are in [0, values_max).

    >>> pair_keys(np.array([0, 1], np.int32), np.array([7, 2], np.int32), 10).tolist()
    [7, 12]
    """
    return owner.astype(np.int64) * max(values_max, 1) + values


def is_among(wanted: I64, keys: I64) -> Mask:
    """bool[m]: whether each wanted key is one of `keys`."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=bool)
    ordered = np.sort(keys)
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.asarray(ordered[at] == wanted)


def sum_by_key(wanted: I64, keys: I64, tallies: F32) -> F32:
    """Sum the tallies of all entries that have the wanted key.

    Shapes:
        wanted: int64[m], keys: int64[k], tallies: float32[k, c] -> float32[m, c]
    """
    if not len(keys):
        return np.zeros((len(wanted), tallies.shape[1]), dtype=np.float32)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    sums, distinct = np.add.reduceat(tallies[order], first, axis=0), ordered[first]
    at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    return np.asarray(sums[at] * (distinct[at] == wanted)[:, None], dtype=np.float32)
