"""Bootstrap over listeners: one set of resamples for all arms, so that differences are paired."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.evaluation.intervals import F64
from models.evaluation.intervals import resamples as times_drawn

RESAMPLES: Final = 4000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it lies."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, mean: float, drawn: F64, *, level: float = LEVEL) -> Self:
        """The middle `level` of resampled values."""
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return cls(float(mean), float(low), float(high))

    @property
    def holds_zero(self) -> bool:
        """Whether no difference is among what it allows."""
        return self.low <= 0.0 <= self.high

    def as_dict(self) -> dict[str, float]:
        """For reports, to four decimals."""
        return {name: round(getattr(self, name), 4) for name in ("mean", "low", "high")}

    def __str__(self) -> str:
        """As tables show it."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def resamples(listeners: int, *, seed: int, count: int = RESAMPLES) -> F64:
    """float64[count, listeners]: how much each listener weighs in each resample; rows sum to 1.

    The same seed and number of listeners give the same resamples: arms weighed with them are
    compared on the same listeners.
    """
    return times_drawn(listeners, seed=seed, count=count) / listeners


def paired(left: F64, right: F64, *, seed: int, level: float = LEVEL) -> Interval:
    """The mean of left - right (float64[listeners] each), listener by listener."""
    apart = left - right
    return Interval.of(apart.mean(), resamples(len(apart), seed=seed) @ apart, level=level)
