"""Do the heads come true, by content type, on the ranker's own slates?

Sessions are about each content type as often, so that there are enough plays of the rare ones. An
error that chance explains is not the ranker's: the floor is what this ranker would show if all that
it says were true, and the interval is over listeners.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.rounds import served_seats
from models.dataset import Examples, build_examples, join
from models.evaluation.calibration import calibration
from models.evaluation.intervals import resamples
from models.metrics import ECE_BINS
from service.core.events import CONTENT_TYPES
from service.core.items import F32
from service.ports import Scorer

ROUND: Final = 19  # names the listeners: no training round and no judge has theirs
Table = dict[str, dict[str, dict[str, float]]]


def served_parts(world: World, scorer: Scorer, number: int, *, listeners: int) -> list[Examples]:
    """What became of served items, listener by listener."""
    seats = served_seats(world, scorer, number, listeners=listeners, even_types=True)
    return [build_examples(world.table, seat.told, only_served=True) for seat in seats]


def type_calibration(scorer: Scorer, parts: Sequence[Examples], *, seed: int) -> Table:
    """ECE by content type and head, with floor, interval and number of plays."""
    examples = join(parts)
    listener = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    heads = scorer.score(examples.features)
    return {
        kind: {
            head: _figures(
                heads[mine, at], examples.labels[mine, at], listener[mine], len(parts), seed
            )
            for at, head in enumerate(scorer.heads)
        }
        for code, kind in enumerate(CONTENT_TYPES)
        if (mine := examples.kind == code).any()
    }


def _figures(
    said: F32, seen: F32, listener: NDArray[np.int64], listeners: int, seed: int
) -> dict[str, Any]:
    error = calibration(said, seen, seed=seed)
    low, high = error_interval(said, seen, listener, listeners, seed=seed)
    return error.figures() | {"low": round(low, 4), "high": round(high, 4)}


def error_interval(
    said: F32, seen: F32, listener: NDArray[np.int64], listeners: int, *, seed: int
) -> tuple[float, float]:
    """95 % of the calibration error, listeners drawn anew.

    Resampling makes gaps wider, so that resampled errors lie above the error itself; the interval
    is mirrored at it (the basic bootstrap), which takes that out.
    """
    bins = np.empty(len(said), dtype=np.int64)
    bins[np.argsort(said, kind="stable")] = np.arange(len(said)) * ECE_BINS // len(said)
    gaps = np.zeros((listeners, ECE_BINS))
    np.add.at(gaps, (listener, bins), said.astype(np.float64) - seen)
    plays = np.bincount(listener, minlength=listeners)
    error = np.abs(gaps.sum(axis=0)).sum() / len(said)
    times = resamples(listeners, seed=seed)
    drawn = np.abs(times @ gaps).sum(axis=1) / np.maximum(times @ plays, 1)
    above, below = np.quantile(drawn, (0.975, 0.025))
    return max(0.0, float(2 * error - above)), max(0.0, float(2 * error - below))
