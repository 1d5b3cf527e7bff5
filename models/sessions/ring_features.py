"""What a listener's own ring says of a candidate: heard before, and what it then came after.

Only the query and the candidate's item are read: no index, no counts.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.queries import Queries
from models.sessions.read import I32
from models.sessions.sparse_rows import F32

RING_FEATURES: Final = (
    "before", "before_nearness", "before_count", "own_next", "own_soon", "own_second",
    "ring", "again_share",
)  # fmt: skip
STEPS: Final = 3
HALF_PLAYS: Final = 4.0
"""An own transition so many plays ago counts half as much."""


def ring_features(queries: Queries, owner: I32, items: I32) -> dict[str, F32]:
    """Columns float32[m] for candidates of queries `owner` int32[m].

    before*: heard in an earlier session; own_*: it came after the newest play (or the second) when
    that was heard the last times; ring: plays held; again_share: how much of this session had been
    heard in earlier ones.
    """
    recent, current = queries.recent, queries.current
    places = np.arange(recent.shape[1], dtype=np.float32)
    nearness, fade = 1 / (1 + places), HALF_PLAYS / (HALF_PLAYS + places)
    heard = recent[owner] == items[:, None]
    before = heard & ~current[owner]
    right = _right_after(recent, queries.last)
    own = _came_after(recent, queries.last) * fade
    second = np.where(current[:, 1], recent[:, 1], np.int32(-1))
    return {
        "before": before.any(axis=1).astype(np.float32),
        "before_nearness": (before * nearness).max(axis=1),
        "before_count": np.log1p(before.sum(axis=1)).astype(np.float32),
        "own_next": (heard & right[owner]).sum(axis=1, dtype=np.float32),
        "own_soon": (heard * own[owner]).sum(axis=1, dtype=np.float32),
        "own_second": (heard * _came_after(recent, second)[owner]).sum(axis=1, dtype=np.float32),
        "ring": np.log1p((recent >= 0).sum(axis=1)).astype(np.float32)[owner],
        "again_share": _again_share(recent, current)[owner],
    }


def _right_after(recent: I32, item: I32) -> NDArray[np.bool_]:
    after = np.zeros(recent.shape, dtype=np.bool_)
    after[:, :-1] = (recent[:, 1:] == item[:, None]) & (item >= 0)[:, None]
    return after


def _came_after(recent: I32, item: I32) -> F32:
    """float32[n, r]: 1/k if the play came k plays after one of the item, up to 3; summed."""
    at = (recent == item[:, None]) & (item >= 0)[:, None]
    total = np.zeros(recent.shape, dtype=np.float32)
    for apart in range(1, STEPS + 1):
        total[:, :-apart] += at[:, apart:] / np.float32(apart)
    return total


def _again_share(recent: I32, current: NDArray[np.bool_]) -> F32:
    same = recent[:, :20, None] == recent[:, None, :]
    again = (same & ~current[:, None, :]).any(axis=2) & current[:, :20]
    share = again.sum(axis=1) / np.maximum(current[:, :20].sum(axis=1), 1)
    return np.asarray(share, dtype=np.float32)
