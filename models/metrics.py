"""How good probabilities are: area under the curve, log loss, expected calibration error."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32

ECE_BINS: Final = 15
FLOOR: Final = 1e-6


def auc(scores: F32, labels: F32) -> float:
    """Probability that a positive scores above a negative, ties half; 0.5 if one class is missing.

    >>> auc(np.array([.1, .9], np.float32), np.array([0, 1], np.float32))
    1.0
    """
    positive = labels > 0.5
    wins, losses = int(positive.sum()), int((~positive).sum())
    if not wins or not losses:
        return 0.5
    ranks = _mean_ranks(scores)
    return float((ranks[positive].sum() - wins * (wins + 1) / 2) / (wins * losses))


def log_loss(scores: F32, labels: F32) -> float:
    """Mean negative log likelihood, in nats."""
    p = np.clip(scores.astype(np.float64), FLOOR, 1 - FLOOR)
    return float(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean())


def calibration_error(scores: F32, labels: F32) -> float:
    """Mean gap between predicted and observed rates over 15 bins of equal size."""
    order = np.argsort(scores, kind="stable")
    gaps = [
        abs(float(scores[rows].mean()) - float(labels[rows].mean())) * len(rows)
        for rows in np.array_split(order, ECE_BINS)
        if len(rows)
    ]
    return sum(gaps) / max(len(scores), 1)


def _mean_ranks(scores: F32) -> NDArray[np.float64]:
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group], dtype=np.float64)
