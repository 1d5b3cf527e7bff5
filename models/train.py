"""Train, calibrate and test a ranker on event logs, cut by time; never shuffled.

fit        weights are fitted on plays of this stretch
calibrate  Platt slopes and offsets
test       what the figures are from; compared with a model that knows popularity alone
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import platt
from models.dataset import Examples, join
from models.fit import calibrate, fit_ranker
from models.metrics import auc, calibration_error, log_loss
from models.ranker import HEADS, Ranker
from service.core.items import F32, ItemTable

Report = dict[str, Any]


@dataclass(frozen=True)
class Stretches:
    """One log's examples, cut by time."""

    fit: Examples
    calibrate: Examples
    test: Examples


def cut(examples: Examples, calibrate_from: float, test_from: float) -> Stretches:
    """Cut examples, which are in order of time, at two shares of their number."""
    ends = [round(share * len(examples)) for share in (calibrate_from, test_from)]
    return Stretches(
        examples.where(slice(0, ends[0])),
        examples.where(slice(ends[0], ends[1])),
        examples.where(slice(ends[1], len(examples))),
    )


def learn(logs: Sequence[Stretches], *, seed: int) -> Ranker:
    """Fit on all logs' fit stretches, calibrate on their calibration stretches."""
    fitted = fit_ranker(join([log.fit for log in logs]), seed=seed)
    return calibrate(fitted, join([log.calibrate for log in logs]))


def judge(ranker: Ranker, table: ItemTable, log: Stretches) -> Report:
    """How good the heads are on a log's test stretch, beside popularity alone."""
    labels = log.test.labels
    return {
        "examples": {"fit": len(log.fit), "calibrate": len(log.calibrate), "test": len(labels)},
        "ranker": head_figures(predict(ranker, log.test), labels),
        "popularity": head_figures(popularity_only(table, log.fit, log.test), labels),
    }


def predict(ranker: Ranker, examples: Examples) -> F32:
    """float32[n, 3]: calibrated heads of exposed candidates."""
    return ranker.score(examples.features)


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
