"""Metrics apart for listeners seen and unseen, and for items old and new."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.metrics import summary
from models.sessions.queries import Queries
from models.sessions.read import I64, SessionLog

NEW_SHARE: Final = 0.1
"""An item is new if it is first heard in the newest tenth of the training log's plays."""


def by_listener(ranks: I64, queries: Queries, train: SessionLog) -> dict[str, dict[str, float]]:
    """Listeners that the training log holds, and others."""
    seen = np.isin(queries.user, train.users)
    return _apart(ranks, {"seen": seen, "unseen": ~seen})


def by_item_age(
    ranks: I64, queries: Queries, train: SessionLog, items: int
) -> dict[str, dict[str, float]]:
    """Targets by when they were first heard; an unknown item is out of reach."""
    first = np.full(items + 1, np.inf)
    known = np.flatnonzero(train.items >= 0)[::-1]
    first[train.items[known]] = known / max(len(train.items), 1)
    when = first[queries.target]  # -1 is the last entry: never
    never = ~np.isfinite(when)
    new = ~never & (when >= 1 - NEW_SHARE)
    return _apart(ranks, {"old": ~never & ~new, "new": new, "unknown": never})


def _apart(ranks: I64, masks: dict[str, NDArray[np.bool_]]) -> dict[str, dict[str, float]]:
    return {
        name: {"predictions": int(mask.sum()), **summary(ranks[mask])}
        for name, mask in masks.items()
    }
