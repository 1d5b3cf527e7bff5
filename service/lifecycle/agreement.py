"""How far two models are from each other: on their slates, and in the spread of their scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.items import F32
from service.ranking import Ranked

TOP: Final = 10
BINS: Final = 10
FLOOR: Final = 1e-4
"""Share of an empty bin, so that its logarithm is finite."""
BLUR: Final = np.linspace(-0.02, 0.02, 21, dtype=np.float32)
"""Each score counts spread over two hundredths on either side: where calibration is flat, many
scores are nearly the same, and a shift that nobody could feel would carry them over an edge."""
SCORES_MIN: Final = 200
"""Fewer scores say nothing of a distribution: a bin would hold a handful."""


@dataclass(frozen=True)
class Agreement:
    """Two slates for the same session."""

    overlap: float  # share of the first ten in common
    same_first: bool
    head_difference: float  # mean, over the heads of common items that both models have; else 0


def compare(served: Ranked, other: Ranked) -> Agreement | None:
    """Compare two slates; None when one is empty."""
    ours, theirs = served.items[:TOP], other.items[:TOP]
    if not ours or not theirs:
        return None
    by_id = {item.item_id: item for item in theirs}
    common = [(item, by_id[item.item_id]) for item in ours if item.item_id in by_id]
    differences = [
        abs(value - their.heads[head])
        for our, their in common
        for head, value in our.heads.items()
        if head in their.heads
    ]
    return Agreement(
        overlap=len(common) / max(len(ours), len(theirs)),
        same_first=ours[0].item_id == theirs[0].item_id,
        head_difference=float(np.mean(differences)) if differences else 0.0,
    )


def drift(expected: F32, found: F32, heads: tuple[Sequence[str], Sequence[str]]) -> float | None:
    """The largest population stability index of a head that both models have.

    Bins are the deciles of what is expected. By custom, 0.1 is a small shift, 0.25 a large one.

    Args:
        expected: float32[m, H], scores of the model that serves.
        found: float32[n, K], scores of the other on the same sessions.
        heads: What the columns of each are.

    Returns:
        None when there is nothing to compare: no head in common, or too few scores.
    """
    ours, theirs = (list(names) for names in heads)
    common = [name for name in ours if name in theirs]
    if not common or min(len(expected), len(found)) < SCORES_MIN:
        return None
    return max(psi(expected[:, ours.index(h)], found[:, theirs.index(h)]) for h in common)


def psi(expected: F32, found: F32) -> float:
    """Population stability index: 0 for the same spread, without bound.

    >>> psi(np.arange(100.0), np.arange(100.0))
    0.0
    """
    blurred = [(scores[:, None] + BLUR).ravel() for scores in (expected, found)]
    edges = np.quantile(blurred[0], np.linspace(0, 1, BINS + 1)[1:-1])
    shares = [
        np.maximum(np.bincount(np.searchsorted(edges, scores), minlength=BINS) / len(scores), FLOOR)
        for scores in blurred
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))
