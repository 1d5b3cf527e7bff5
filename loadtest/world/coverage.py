"""How much of the catalogue an arm's listeners got to hear, and how unevenly.

Few plays cannot cover a large catalogue: chance, which spreads as evenly as can be, is the bound
to compare with.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.closed_loop import FIGURES, Heard

I64 = NDArray[np.int64]

COLD_MAX: Final = 4
"""An item finished at most so often in the log that the vectors were learned from is cold."""


def coverage(world: World, heard: Heard, finished: I64) -> dict[str, float]:
    """Shares of items and creators heard at all, Gini of plays over items, share of cold items.

    `finished` is int64[n]: how often the log finished each item.
    """
    rows = heard.rows.ravel()
    plays = np.bincount(rows, minlength=len(world))
    cold = finished[rows] <= COLD_MAX
    affinity = heard.each[:, :, FIGURES.index("affinity")].ravel()
    figures = {
        "items": (plays > 0).mean(),
        "creators": len(np.unique(world.table.artist[rows])) / len(world.table.artist_ids),
        "gini": gini(plays),
        "cold_share": cold.mean(),
        "cold_affinity": affinity[cold].mean() if cold.any() else np.nan,
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def gini(counts: I64) -> float:
    """0 when every item is played equally often, near 1 when one has it all.

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    rising = np.sort(counts).astype(np.float64)
    total = rising.sum()
    if not total:
        return 0.0
    places = np.arange(1, len(rising) + 1)
    return float((2 * places - len(rising) - 1) @ rising / (len(rising) * total))
