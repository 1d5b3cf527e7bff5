"""Next-item metrics from the target's rank among all items, ties counted against us.

A rank of 1 is the best; a target that cannot be reached has the rank UNREACHED. Intervals are
bootstrapped by session: predictions of a session are not independent.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.read import I32, I64

F64 = NDArray[np.float64]

CUTS: Final = (10, 20)
UNREACHED: Final = 2**31
RESAMPLES: Final = 500


def gains(ranks: I64) -> dict[str, F64]:
    """Per prediction: hit, reciprocal rank and discounted gain at 10 and 20."""
    found = {}
    for cut in CUTS:
        inside = ranks <= cut
        found[f"hr@{cut}"] = inside.astype(np.float64)
        found[f"mrr@{cut}"] = np.where(inside, 1 / ranks, 0.0)
        found[f"ndcg@{cut}"] = np.where(inside, 1 / np.log2(1 + ranks), 0.0)
    return found


def summary(ranks: I64) -> dict[str, float]:
    """Means over predictions; empty for no predictions."""
    if not len(ranks):
        return {}
    return {name: float(values.mean()) for name, values in gains(ranks).items()}


def intervals(ranks: I64, session: I32, *, seed: int) -> dict[str, list[float]]:
    """95 % intervals of the means, sessions drawn with replacement."""
    _, number = np.unique(session, return_inverse=True)
    count = int(number.max(initial=-1)) + 1
    if not count:
        return {}
    size = np.bincount(number, minlength=count)
    totals = {name: np.bincount(number, v, count) for name, v in gains(ranks).items()}
    draws = np.random.default_rng([seed, 13])
    drawn: Mapping[str, list[float]] = {name: [] for name in totals}
    for _ in range(RESAMPLES):
        times = np.bincount(draws.integers(0, count, count), minlength=count)
        for name, total in totals.items():
            drawn[name].append(float(times @ total / (times @ size)))
    return {name: [float(q) for q in np.quantile(v, (0.025, 0.975))] for name, v in drawn.items()}
