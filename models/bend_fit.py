"""Calibrate with a bend: for a ranker whose logits go on rising where outcomes no longer do.

A listener who is not in the room skips nothing: past some point a worse item is not skipped more
often, and one slope cannot say so. Slopes stay positive on both sides of the knot: who stands
before whom within a type and head does not change.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bend import Bend
from models.calibration import calibrated
from models.ranker import TYPES, Ranker
from service.core.items import F32, U8

F64 = NDArray[np.float64]

KNOTS: Final = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Quantiles of a type's logits at which a knot is tried."""
ROWS_MIN: Final = 1000
"""Examples of a type, and a twentieth as many of either outcome, below which it keeps its line."""
SLOPE_MIN: Final = 0.05
STEPS: Final = 30
RIDGE: Final = 1e-3


def bent(ranker: Ranker, logits: F32, labels: F32, kind: U8) -> Ranker:
    """Lines as `calibrated` fits them, and a bend in each that has enough examples.

    Shapes:
        logits, labels: float32[n, H]; kind: uint8[n]
    """
    lines = calibrated(ranker, logits, labels, kind)
    slope, offset = lines.slope.copy(), lines.offset.copy()
    knot, bend = np.zeros((2, TYPES, len(ranker.heads)), dtype=np.float32)
    for code in range(TYPES):
        for head in range(len(ranker.heads)):
            mine = kind == code
            seen = labels[mine, head].astype(np.float64)
            if min(seen.sum(), len(seen) - seen.sum()) < ROWS_MIN / 20 or len(seen) < ROWS_MIN:
                continue
            at, left, right, offset[code, head] = two_slopes(logits[mine, head], seen)
            knot[code, head], slope[code, head], bend[code, head] = at, left, right - left
    return lines.with_bend(Bend(knot, bend), {"slope": slope, "offset": offset})


def two_slopes(logits: F32, seen: F64) -> tuple[float, float, float, float]:
    """Knot, slope before it, slope after it, offset: the likeliest over KNOTS."""
    z = logits.astype(np.float64)
    fits = [_fit(z, seen, float(np.quantile(z, share))) for share in KNOTS]
    return min(fits, key=lambda fit: fit[0])[1]


def _fit(z: F64, seen: F64, knot: float) -> tuple[float, tuple[float, float, float, float]]:
    sides = np.stack([np.minimum(z, knot), np.maximum(z - knot, 0), np.ones(len(z))], axis=1)
    fixed = np.zeros(3)
    free = np.ones(3, dtype=bool)
    weights = _logistic(sides, seen, fixed, free)
    for side in (1, 0):
        if weights[side] < SLOPE_MIN:
            fixed[side], free[side] = SLOPE_MIN, False
            weights = _logistic(sides, seen, fixed, free)
    logit = sides @ weights
    loss = float((np.logaddexp(0, logit) - seen * logit).mean())
    return loss, (knot, float(weights[0]), float(weights[1]), float(weights[2]))


def _logistic(sides: F64, seen: F64, fixed: F64, free: NDArray[np.bool_]) -> F64:
    """Newton's method over the free weights; the others stay as given."""
    weights = fixed.copy()
    for _ in range(STEPS):
        p = 0.5 * (1 + np.tanh(0.5 * (sides @ weights)))
        mine = sides[:, free]
        slope = mine.T @ (p - seen) + RIDGE * weights[free]
        curvature = (mine.T * (p * (1 - p))) @ mine + RIDGE * np.eye(int(free.sum()))
        weights[free] -= np.linalg.solve(curvature, slope)
    return weights
