"""Skips and dislikes that people gave: how well they are foretold on a log of verdicts.

The log goes through the service's own fold and features; the ranker's network is trained on its
exposures, in order of time. Beside it stand popularity, and the mean of the user, of the item, and
of both. Every row of KuaiRand's file is a like or a hate: what is foretold is which of them, and
whether the item was left early; of exposures that nobody judged it says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.calibration import platt
from models.catalogs import catalog_of
from models.dataset import HEADS, SKIP_MAX_MS, SKIP_MAX_SHARE, Examples, build_examples
from models.evaluation.calibration import calibration
from models.evaluation.user_item_means import Judged, user_item_scores
from models.fit import calibrate, fit_ranker
from models.formats.play import Play
from models.metrics import auc, log_loss
from models.train import Stretches, cut, predict
from service.core.events import PlaybackEvent
from service.core.items import F32, ItemTable

CATALOG_SHARE: Final = 0.4
"""Vectors and popularity come from this earliest share: of what a ranker learns from, as of what it
is asked, they must not know the outcome."""
CUTS: Final = (0.5, 2 / 3)  # of the exposures after that: calibration from, test from
EPOCHS: Final = 60  # some ten batches each
JUDGED_HEADS: Final = ("skip", "like")
LEFT_EARLY: Final = 0.5  # of its length: less is no skip but a change of mind
EXAMPLES_MIN: Final = 1000


def feedback_report(
    plays: Sequence[Play], events: Iterable[PlaybackEvent], *, name: str, seed: int
) -> dict[str, Any]:
    """Train on the earlier plays of a log, judge on the last fifth.

    Raises:
        ValueError: There is too little to learn from.
    """
    if len(plays) < EXAMPLES_MIN:
        raise ValueError(f"{len(plays)} rows; {EXAMPLES_MIN} are needed, give more")
    table = catalog_of(plays, name, train_share=CATALOG_SHARE)
    examples = verdicts(build_examples(table, events), plays, table)
    begin = plays[round(CATALOG_SHARE * len(plays))].at_ms
    log = cut(examples.where(np.flatnonzero(examples.at_ms >= begin)), *CUTS)
    ranker = calibrate(fit_ranker(log.fit, seed=seed, epochs=EPOCHS), log.calibrate)
    said = {"ranker": predict(ranker, log.test), **_baselines(log, examples, plays, table)}
    return {
        "examples": {part: len(getattr(log, part)) for part in ("fit", "calibrate", "test")},
        "heads": {
            head: {method: _figures(scores, log.test, head) for method, scores in said.items()}
            for head in JUDGED_HEADS
        },
        "rests_on": "explicit likes and hates alone; no exposure without a verdict is in the log",
    }


def verdicts(examples: Examples, plays: Sequence[Play], table: ItemTable) -> Examples:
    """The examples that have a verdict, labelled by the log's own rows.

    An event of the verdict may come after the next start, where the fold does not look for it.
    """
    told = {(table.rows[play.item], play.at_ms): play for play in plays if play.liked}
    keys = list(zip(examples.rows.tolist(), examples.at_ms.tolist(), strict=True))
    known = np.array([at for at, key in enumerate(keys) if key in told], dtype=np.int64)
    labels = np.array([_labels(told[keys[at]]) for at in known], dtype=np.float32)
    return replace(examples.where(known), labels=labels.reshape(-1, len(HEADS)))


def _labels(play: Play) -> tuple[float, float, float]:
    """Skip, complete, like; NaN where the log does not say."""
    like = float((play.liked or 0) > 0)
    if not play.duration_s or play.played_s is None:
        return float("nan"), float("nan"), like
    share = play.played_s / play.duration_s
    soon = play.played_s < max(SKIP_MAX_MS / 1000, SKIP_MAX_SHARE * play.duration_s)
    return float(share < LEFT_EARLY and soon), float(share >= 1), like


def _baselines(
    log: Stretches, examples: Examples, plays: Sequence[Play], table: ItemTable
) -> dict[str, F32]:
    """float32[n, heads] of each; all learned before the test, means on all before calibration."""
    earlier = examples.where(np.flatnonzero(examples.at_ms < log.calibrate.at_ms.min()))
    users = {(table.rows[play.item], play.at_ms): play.user for play in plays}
    numbers = {user: number for number, user in enumerate(sorted(set(users.values())))}

    def judged(part: Examples) -> Judged:
        keys = zip(part.rows.tolist(), part.at_ms.tolist(), strict=True)
        return Judged(np.array([numbers[users[key]] for key in keys]), part.rows, part.labels)

    parts = judged(earlier), judged(log.calibrate), judged(log.test)
    found = user_item_scores(*parts, len(numbers), len(table))
    popularity = [_by_popularity(table, log, head) for head in range(len(HEADS))]
    return {"popularity": np.stack(popularity, axis=1), **found}


def _by_popularity(table: ItemTable, log: Stretches, head: int) -> F32:
    known = ~np.isnan(log.fit.labels[:, head])
    rows, labels = log.fit.rows[known], log.fit.labels[known, head]
    slope, offset = platt(table.log_popularity[rows].astype(np.float64), labels)
    asked = table.log_popularity[log.test.rows].astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-(slope * asked + offset))), dtype=np.float32)


def _figures(scores: F32, test: Examples, head: str) -> dict[str, float]:
    at = HEADS.index(head)
    known: NDArray[np.bool_] = ~np.isnan(test.labels[:, at])
    said, seen = scores[known, at], test.labels[known, at]
    return {
        "rate": round(float(seen.mean()), 4),
        "auc": round(auc(said, seen), 4),
        "log_loss": round(log_loss(said, seen), 4),
        **calibration(said, seen).figures(),
    }
