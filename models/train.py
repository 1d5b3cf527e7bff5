"""Train, calibrate and test a ranker on one event log, cut by time; never shuffled.

fit        weights are fitted on plays of this stretch
calibrate  Platt slopes and offsets
test       what the figures are from; compared with a model that knows popularity alone
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dataset import Examples, build_examples
from models.fit import calibrate, fit_ranker, platt
from models.metrics import auc, calibration_error, log_loss
from models.ranker import HEADS, Ranker
from service.core import events as ev
from service.core.items import F32, ItemTable

Report = dict[str, Any]


@dataclass(frozen=True)
class Cuts:
    """Where the stretches begin; the test runs to the end of the log."""

    fit_ms: int
    calibrate_ms: int
    test_ms: int


def train(
    table: ItemTable, events: Iterable[ev.PlaybackEvent], cuts: Cuts, *, seed: int
) -> tuple[Ranker, Report]:
    """Fold the log, fit, calibrate; report how good it is on the last stretch."""
    examples = build_examples(table, events, from_ms=cuts.fit_ms)
    fitted = examples.between(cuts.fit_ms, cuts.calibrate_ms)
    later = examples.between(cuts.calibrate_ms, cuts.test_ms)
    test = examples.between(cuts.test_ms, 2**62)
    ranker = calibrate(fit_ranker(fitted, seed=seed), later)
    report = {
        "examples": {"fit": len(fitted), "calibrate": len(later), "test": len(test)},
        "ranker": head_figures(predict(ranker, test), test.labels),
        "popularity": head_figures(popularity_only(table, fitted, test), test.labels),
    }
    return ranker, report


def predict(ranker: Ranker, examples: Examples) -> F32:
    """float32[n, 3]: calibrated heads of exposed candidates."""
    owner = np.arange(len(examples), dtype=np.int32)
    return ranker.heads(examples.user, owner, examples.candidate)


def popularity_only(table: ItemTable, fitted: Examples, test: Examples) -> F32:
    """float32[n, 3]: the best that a logistic regression on popularity alone can say."""
    known = table.log_popularity[fitted.rows].astype(np.float64)
    asked = table.log_popularity[test.rows].astype(np.float64)
    columns: list[NDArray[np.float64]] = []
    for head in range(len(HEADS)):
        slope, offset = platt(known, fitted.labels[:, head])
        columns.append(1 / (1 + np.exp(-(slope * asked + offset))))
    return np.stack(columns, axis=1).astype(np.float32)


def head_figures(heads: F32, labels: F32) -> Report:
    """AUC, log loss and calibration error of every head."""
    return {
        name: {
            "rate": round(float(labels[:, at].mean()), 4),
            "auc": round(auc(heads[:, at], labels[:, at]), 4),
            "log_loss": round(log_loss(heads[:, at], labels[:, at]), 4),
            "ece": round(calibration_error(heads[:, at], labels[:, at]), 4),
        }
        for at, name in enumerate(HEADS)
    }
