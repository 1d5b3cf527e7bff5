"""What the user's own mean, the item's, and both together say: the baselines of any verdict."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.calibration import platt
from service.core.items import F32

LEAN: Final = 5.0  # verdicts that the mean of all weighs


@dataclass(frozen=True)
class Judged:
    """Who judged what: user, item int[n]; labels float32[n, heads], NaN for unknown."""

    user: NDArray[np.int64]
    item: NDArray[np.int32]
    labels: F32


def user_item_scores(
    fit: Judged, calibrate: Judged, test: Judged, users: int, items: int
) -> dict[str, F32]:
    """float32[n, heads] of each method; each is a logistic regression on its mean's logit.

    The regression is fitted on a later stretch than the means: else they would be trusted for what
    they remember.
    """
    scores: dict[str, list[F32]] = {"user mean": [], "item mean": [], "user and item": []}
    for head in range(fit.labels.shape[1]):
        known = ~np.isnan(fit.labels[:, head])
        later = ~np.isnan(calibrate.labels[:, head])
        labels, seen = fit.labels[known, head], calibrate.labels[later, head]
        by_user = means(fit.user[known], labels, users)
        by_item = means(fit.item[known], labels, items)
        columns = {
            "user mean": (by_user[calibrate.user[later]], by_user[test.user]),
            "item mean": (by_item[calibrate.item[later]], by_item[test.item]),
        }
        columns["user and item"] = (
            columns["user mean"][0] + columns["item mean"][0],
            columns["user mean"][1] + columns["item mean"][1],
        )
        for name, (earlier, asked) in columns.items():
            slope, offset = platt(earlier, seen)
            p = 1 / (1 + np.exp(-(slope * asked + offset)))
            scores[name].append(p.astype(np.float32))
    return {name: np.stack(columns, axis=1) for name, columns in scores.items()}


def means(owner: NDArray[np.integer], labels: F32, count: int) -> NDArray[np.float64]:
    """float64[count]: logit of each owner's mean, leaning on the mean of all."""
    overall = float(labels.mean())
    seen = np.bincount(owner, minlength=count)
    positive = np.bincount(owner, labels, count)
    share = np.clip((positive + LEAN * overall) / (seen + LEAN), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share / (1 - share)))
