r"""Bounds on a mean that hold at every moment at once, however often one looks.

A bettor starts with 1 against the claim "the mean is m" and stakes a fraction on each observation
being above it:

    K_t(m) = K_{t-1}(m) * (1 + lambda_t (x_t - m))

If the mean is m, K is a fair game and never reaches 1/alpha but with probability alpha (Ville). All
m whose bettor got that rich are ruled out. K falls with m, so what is left is everything above a
bound. Only the past decides lambda. No assumption but x in [0, 1] and one mean.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B
86 (2024), theorem 3 and the predictable plug-in of section 4.
"""

from dataclasses import dataclass, field
from math import log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRID: Final = np.linspace(0.0, 1.0, 401)
STAKE_MAX: Final = 0.75
"""Of the capital at worst: a bettor that may lose everything cannot come back."""


@dataclass
class LowerBound:
    """A lower bound on the mean of observations in [0, 1]; wrong ever with probability `alpha`.

    >>> bound = LowerBound(alpha=0.05)
    >>> for _ in range(40):
    ...     bound.see(0.9)
    >>> 0.6 < bound.value < 0.9
    True
    """

    alpha: float
    count: int = 0
    value: float = 0.0
    _log_capital: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(GRID)))
    _sum: float = 0.5  # one observation of 1/2, so that there is a mean from the start
    _squares: float = 0.25

    def see(self, x: float) -> None:
        """Take one observation in.

        Raises:
            AssertionError: It is not in [0, 1].
        """
        assert 0.0 <= x <= 1.0, x
        self.count += 1
        variance = self._squares / self.count
        stake = sqrt(2 * log(1 / self.alpha) / (variance * self.count * log(1 + self.count)))
        stakes = np.minimum(stake, STAKE_MAX / np.maximum(GRID, 1e-12))
        self._log_capital += np.log1p(stakes * (x - GRID))
        self._sum += x
        mean = self._sum / (self.count + 1)
        self._squares += (x - mean) ** 2
        ruled_out = int(np.searchsorted(-self._log_capital, log(self.alpha), side="right"))
        # The mean may lie between the last point ruled out and the next: the bound is the last one.
        # No running maximum: should the mean move after all, an old bound must not outlive it.
        self.value = float(GRID[max(ruled_out - 1, 0)])


@dataclass
class UpperBound:
    """An upper bound, likewise: the lower bound of the mirror image."""

    alpha: float
    _mirror: LowerBound = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing seen."""
        self._mirror = LowerBound(self.alpha)

    @property
    def count(self) -> int:
        """How many observations there were."""
        return self._mirror.count

    @property
    def value(self) -> float:
        """The bound."""
        return 1.0 - self._mirror.value

    def see(self, x: float) -> None:
        """Take one observation in."""
        self._mirror.see(1.0 - x)
