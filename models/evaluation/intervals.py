"""Bootstrap intervals over groups: a listener's predictions are not independent of each other.

Everything is a ratio of sums by group (a mean is a sum over a count), so that one resample is one
row of weights. Compared models share their resamples: what makes both worse cancels out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def figures(self, digits: int = 5) -> dict[str, float]:
        """For reports."""
        return {name: round(float(v), digits) for name, v in vars(self).items()}


def resamples(groups: int, *, seed: int, count: int = RESAMPLES) -> F64:
    """float64[count, groups]: how often each group is drawn, with replacement."""
    draws = np.random.default_rng([seed, 22])
    drawn = draws.integers(0, groups, size=(count, groups))
    at = drawn + groups * np.arange(count)[:, None]
    return np.bincount(at.ravel(), minlength=count * groups).reshape(count, groups).astype(float)


def ratio(top: F64, bottom: F64, times: F64) -> Interval:
    """Sum of `top` over sum of `bottom`. Shapes: float64[groups], times float64[count, groups]."""
    return _interval(_over(top.sum(), bottom.sum()), _over(times @ top, times @ bottom))


def ratio_difference(mine: tuple[F64, F64], other: tuple[F64, F64], times: F64) -> Interval:
    """The first ratio (top, bottom) minus the second, both on the same resamples."""
    value = _over(mine[0].sum(), mine[1].sum()) - _over(other[0].sum(), other[1].sum())
    drawn = _over(times @ mine[0], times @ mine[1]) - _over(times @ other[0], times @ other[1])
    return _interval(value, drawn)


def by_group(values: NDArray[np.floating], group: NDArray[np.integer], groups: int) -> F64:
    """float64[groups]: sums."""
    return np.bincount(group, values, groups).astype(np.float64)


def _over(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> F64:
    return np.asarray(top / np.maximum(bottom, 1e-12), dtype=np.float64)


def _interval(value: F64, drawn: F64) -> Interval:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(value), float(low), float(high))
