"""Platt calibration by head and content type, written into the ranker.

A head's own slope and offset are fitted on all types together; each type's are then drawn towards
them, by as much as a handful of examples would. A type with too little to go by keeps the head's.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.ranker import TYPES, Ranker
from service.core.items import F32, U8

NEWTON_STEPS: Final = 25
ROWS_MIN: Final = 200
"""Examples of a type, and a twentieth as many of either outcome, below which it has no say."""
PRIOR: Final = 5.0
"""Strength of the pull towards the head's own calibration: the curvature that it adds."""

SHARE_MIN: Final = 1e-6
"""Of a Newton step: a rare outcome makes whole steps overshoot."""

F64 = NDArray[np.float64]
Line = tuple[float, float]


def calibrated(ranker: Ranker, logits: F32, labels: F32, kind: U8) -> Ranker:
    """Fit on examples later than those of training.

    Shapes:
        logits: float32[n, H], before calibration; labels: float32[n, H], NaN for unknown; kind:
        uint8[n]
    """
    slope, offset = np.empty((2, TYPES, len(ranker.heads)), dtype=np.float32)
    for head in range(len(ranker.heads)):
        known = ~np.isnan(labels[:, head])
        lines = by_type(logits[known, head].astype(np.float64), labels[known, head], kind[known])
        slope[:, head], offset[:, head] = np.array(lines, dtype=np.float32).T
    return ranker.with_arrays({"slope": slope, "offset": offset})


def by_type(logits: F64, labels: F32, kind: U8) -> list[Line]:
    """Slope and offset of one head for each content type."""
    pooled = platt(logits, labels)
    lines = []
    for number in range(TYPES):
        mine = kind == number
        positives = float(labels[mine].sum())
        rare = min(positives, float(mine.sum()) - positives)
        enough = mine.sum() >= ROWS_MIN and rare >= ROWS_MIN / 20
        lines.append(
            platt(logits[mine], labels[mine], around=pooled, strength=PRIOR) if enough else pooled
        )
    return lines


def platt(
    logits: F64,
    labels: F32,
    *,
    around: Line = (1.0, 0.0),
    strength: float = 1e-6,
) -> Line:
    """Slope and offset of a logistic regression on one logit, by Newton's method.

    `strength` is how hard both are held to `around`, as the weight of a Gaussian prior.
    """
    prior = np.array(around)

    def loss(line: F64) -> float:
        z = line[0] * logits + line[1]
        misfit = (np.logaddexp(0, z) - labels * z).sum()
        return float(misfit + 0.5 * strength * ((line - prior) ** 2).sum())

    line = prior.copy()
    for _ in range(NEWTON_STEPS):
        change = _newton(logits, labels, line, strength, prior)
        share = 1.0
        while loss(line - share * change) > loss(line) and share > SHARE_MIN:
            share /= 2
        line = line - share * change
    return float(line[0]), float(line[1])


def _newton(logits: F64, labels: F32, line: F64, strength: float, prior: F64) -> F64:
    p = 0.5 * (1 + np.tanh(0.5 * (line[0] * logits + line[1])))
    error, weight = p - labels, p * (1 - p) + 1e-9
    gradient = np.array([(error * logits).sum(), error.sum()]) + strength * (line - prior)
    cross = (weight * logits).sum()
    curvature = np.array([[(weight * logits**2).sum(), cross], [cross, weight.sum()]])
    return np.asarray(np.linalg.solve(curvature + strength * np.eye(2), gradient))
