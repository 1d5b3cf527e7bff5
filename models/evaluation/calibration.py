"""Do probabilities come true? Expected calibration error by head and by content type.

Bins hold equally many examples, so that a head that rarely says more than a tenth is still seen in
detail. Chance alone makes the error of a perfect model larger than 0 on few examples: the floor is
what this very model would show if all it says were true. Read the error beside its floor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.metrics import ECE_BINS
from service.core.events import CONTENT_TYPES
from service.core.items import F32

FLOOR_DRAWS: Final = 100


@dataclass(frozen=True)
class Calibration:
    """Error and floor in probability (0 to 1), and how many examples they are from."""

    ece: float
    floor: float
    examples: int

    @property
    def excess(self) -> float:
        """What chance does not explain."""
        return max(self.ece - self.floor, 0.0)

    def figures(self) -> dict[str, float]:
        """For reports."""
        return {"ece": round(self.ece, 4), "floor": round(self.floor, 4), "n": self.examples}


def calibration(scores: F32, labels: F32, *, seed: int = 0) -> Calibration:
    """Error of one head: mean gap between said and seen over 15 bins of equal size.

    Shapes: scores, labels float32[n]; labels 0 or 1.
    """
    if not len(scores):
        return Calibration(0.0, 0.0, 0)
    order = np.argsort(scores, kind="stable")
    said = scores[order].astype(np.float64)
    edges = np.linspace(0, len(said), min(ECE_BINS, len(said)) + 1).astype(np.int64)[:-1]
    draws = np.random.default_rng([seed, 21])
    true = [_gap(said, draws.random(len(said)) < said, edges) for _ in range(FLOOR_DRAWS)]
    return Calibration(_gap(said, labels[order] > 0.5, edges), float(np.mean(true)), len(said))


def head_calibration(
    heads: F32, labels: F32, names: Sequence[str], *, seed: int = 0
) -> dict[str, Calibration]:
    """Every head's error. Shapes: heads, labels float32[n, len(names)]."""
    return {
        name: calibration(heads[:, at], labels[:, at], seed=seed) for at, name in enumerate(names)
    }


def calibration_by_type(
    heads: F32, labels: F32, kinds: NDArray[np.uint8], names: Sequence[str], *, seed: int = 0
) -> dict[str, dict[str, Calibration]]:
    """Every head's error within each content type that is there. Shapes: kinds uint8[n]."""
    return {
        kind: head_calibration(heads[mine], labels[mine], names, seed=seed)
        for code, kind in enumerate(CONTENT_TYPES)
        if (mine := kinds == code).any()
    }


def _gap(said: NDArray[np.float64], seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> float:
    gaps = np.add.reduceat(said - seen, edges)
    return float(np.abs(gaps).sum() / len(said))
