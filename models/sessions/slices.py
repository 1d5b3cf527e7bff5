"""Parts of the predictions that are judged apart: listeners seen and unseen, items, content types.

A slice is a mask over predictions; the masks of one kind part them all and lose none.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.metrics import summary
from models.sessions.queries import Queries
from models.sessions.read import I64, SessionLog
from service.core.events import CONTENT_TYPES
from service.core.items import U8

NEW_SHARE: Final = 0.1
"""An item is new if it is first heard in the newest tenth of the training log's plays."""
UNKNOWN: Final = "unknown"
"""An item that training never saw: nobody can reach it."""

Masks = dict[str, NDArray[np.bool_]]


def slices_of(queries: Queries, train: SessionLog, kinds: U8) -> dict[str, Masks]:
    """Every kind of slice; kinds uint8[n items] content types."""
    return {
        "by_listener": by_listener(queries, train),
        "by_item_age": by_item_age(queries, train, len(kinds)),
        "by_content_type": by_content_type(queries, kinds),
        "by_half": by_half(queries),
    }


def by_listener(queries: Queries, train: SessionLog) -> Masks:
    """Listeners that the training log holds, and others."""
    seen = np.isin(queries.user, train.users)
    return {"seen": seen, "unseen": ~seen}


def by_item_age(queries: Queries, train: SessionLog, items: int) -> Masks:
    """Targets by when they were first heard."""
    first = np.full(items + 1, np.inf)
    known = np.flatnonzero(train.items >= 0)[::-1]
    first[train.items[known]] = known / max(len(train.items), 1)
    when = first[queries.target]  # -1 is the last entry: never
    never = ~np.isfinite(when)
    new = ~never & (when >= 1 - NEW_SHARE)
    return {"old": ~never & ~new, "new": new, UNKNOWN: never}


def by_content_type(queries: Queries, kinds: U8) -> Masks:
    """Targets by content type, those that occur."""
    kind = np.append(kinds, len(CONTENT_TYPES))[queries.target]
    names = (*CONTENT_TYPES, UNKNOWN)
    return {name: kind == code for code, name in enumerate(names) if (kind == code).any()}


def by_half(queries: Queries) -> Masks:
    """The earlier and the later half of the test sessions: does the model's age tell?"""
    later = queries.session >= (int(queries.session.max(initial=0)) + 1) // 2
    return {"earlier": ~later, "later": later}


def apart(ranks: I64, masks: Masks) -> dict[str, dict[str, float]]:
    """Metrics of each part."""
    return {
        name: {"predictions": int(mask.sum()), **summary(ranks[mask])}
        for name, mask in masks.items()
    }
