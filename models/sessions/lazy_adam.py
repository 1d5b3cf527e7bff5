"""Adam for a table of which each step touches only a few rows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

BETAS: Final = (0.9, 0.99)
EPSILON: Final = 1e-8


class LazyAdam:
    """A table and its moments. Rows that a step does not name stay as they are.

    The bias correction counts all steps, not a row's own: a rare item's first step is a small one.
    """

    def __init__(self, rows: F32) -> None:
        self.rows = rows
        self._first = np.zeros_like(rows)
        self._second = np.zeros_like(rows)
        self._steps = 0

    def move(self, named: NDArray[np.int32], slopes: F32, rate: float) -> None:
        """Take a step; a row that is named several times moves by the sum of its slopes.

        Shapes: named int32[m], slopes float32[m, d].
        """
        self._steps += 1
        order = np.argsort(named, kind="stable")
        rows, begins = np.unique(named[order], return_index=True)
        slope = np.add.reduceat(slopes[order], begins, axis=0)
        first = BETAS[0] * self._first[rows] + np.float32(1 - BETAS[0]) * slope
        second = BETAS[1] * self._second[rows] + np.float32(1 - BETAS[1]) * slope**2
        self._first[rows], self._second[rows] = first, second
        spread = np.sqrt(second / np.float32(1 - BETAS[1] ** self._steps)) + np.float32(EPSILON)
        pace = np.float32(rate / (1 - BETAS[0] ** self._steps))
        self.rows[rows] -= pace * first / spread
