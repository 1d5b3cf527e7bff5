"""Lists of what was touched, best first, and their union, compiled."""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.scratch import FOLLOWS, PLACE, SOON_ALL, WIDE

HYBRID_WEIGHT = 0.3
"""Of the Markov share beside the neighbours' share."""


@njit(cache=True)
def best_touched(found: F32, touched: I32) -> tuple[float, float]:
    """The largest neighbour score and the largest sum of links; writes nothing."""
    wide, soon = np.float32(0), np.float32(0)
    for item in touched:
        wide = max(wide, found[item, WIDE])
        soon = max(soon, found[item, SOON_ALL])
    return float(wide), float(soon)


@njit(cache=True)
def weigh_touched(
    found: F32, touched: I32, wide_best: float, leaves: float, hybrid: F32, soon: F32
) -> None:
    """Write hybrid float32[t], neighbours' share plus a part of the Markov share, and soon."""
    for at in range(len(touched)):
        item = touched[at]
        share = found[item, WIDE] / max(wide_best, 1e-6)
        hybrid[at] = share + HYBRID_WEIGHT * found[item, FOLLOWS] / max(leaves, 1.0)
        soon[at] = found[item, SOON_ALL]


@njit(cache=True)
def unite(  # noqa: PLR0913, PLR0917 - a kernel takes bare arrays
    rows: I32,
    source: int,
    found: F32,
    items: I32,
    sources: np.ndarray,
    places: I32,
    count: int,
) -> int:
    """Append rows that are not there yet; note for all of them which source named them, and where.

    places int32[m, 3]: place in the lists of sources 0 to 2. Returns how many candidates there are.
    """
    for at in range(len(rows)):
        item = rows[at]
        if item < 0:
            continue
        if found[item, PLACE] == 0:
            items[count] = item
            sources[count] = 0
            count += 1
            found[item, PLACE] = count
        mine = int(found[item, PLACE]) - 1
        if source < 3 and not sources[mine] >> source & 1:
            places[mine, source] = at
        sources[mine] |= np.uint32(1 << source)
    return count
