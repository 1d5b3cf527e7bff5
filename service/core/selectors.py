"""The selector: from scored candidates to the slate's order, with room for variety.

Walks each session's candidates from best to worst and takes what the caps allow: so many by one
artist, so many of one show, so many of one content type. When the caps leave places empty they give
way, in this order: content type, show, artist. A candidate whose score is not a number ranks last,
and takes no place that one with a score could have, cap or no cap.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.events import CONTENT_TYPES
from service.core.items import F32, I32
from service.core.sessions import SessionBatch

Order = NDArray[np.intp]


HEAD_SLATES: Final = 4
"""How many slates' worth of candidates is looked at first."""


@dataclass(frozen=True)
class Caps:
    """How many places of a slate one artist or one show may take."""

    length: int = 20
    per_artist: int = 3
    per_series: int = 2
    type_prior: float = 4.0  # how many plays of history the catalogue's own mix weighs


def select(sessions: SessionBatch, candidates: Candidates, utility: F32, caps: Caps) -> list[I32]:
    """Choose each session's slate, best first.

    Returns:
        One int32 array a session: indices into `candidates`.
    """
    assert len(candidates) == len(utility), f"{len(candidates)} candidates, {len(utility)} scores"
    is_sound = np.isfinite(utility)
    cost = np.where(is_sound, -utility, np.inf)
    edges = np.searchsorted(candidates.owner, np.arange(len(sessions) + 1)).tolist()
    limits = type_caps(sessions, caps)
    slates = []
    for b, (low, high) in enumerate(pairwise(edges)):
        mine = low + np.lexsort((candidates.items[low:high], cost[low:high]))
        sound = int(is_sound[low:high].sum())
        slates.append(_walk(sessions, candidates, mine, sound, limits[b], caps))
    return slates


def type_caps(sessions: SessionBatch, caps: Caps) -> I32:
    """How many places each content type may take: its share of recent plays, smoothed.

    Shapes:
        int32[B, 4]
    """
    table = sessions.table
    prior = caps.type_prior * table.type_share
    types = np.where(sessions.played, table.content_type[sessions.rows], len(CONTENT_TYPES))
    counts = (types[:, :, None] == np.arange(len(CONTENT_TYPES))).sum(axis=1)
    share = (counts + prior) / (counts.sum(axis=1, keepdims=True) + caps.type_prior)
    return np.asarray(np.ceil(share * caps.length) + 1, dtype=np.int32)


def _walk(
    sessions: SessionBatch,
    candidates: Candidates,
    order: Order,
    sound: int,
    type_limits: I32,
    caps: Caps,
) -> I32:
    """Fill one slate; what lies beyond the first `sound` has no real score and fills gaps only."""
    # The best few fill the slate nearly always: look at them first, and at all only in need.
    head = order[: min(sound, HEAD_SLATES * caps.length)]
    first = _take(_groups(sessions, candidates, head), [], type_limits.tolist(), caps, 3)
    if len(first) >= caps.length:
        return np.asarray(head[first], dtype=np.int32)
    groups = _groups(sessions, candidates, order)
    taken: list[int] = []
    for rules, reach in ((3, sound), (2, sound), (1, sound), (0, sound), (0, len(groups))):
        taken = _take(groups[:reach], taken, type_limits.tolist(), caps, rules)
        if len(taken) >= caps.length:
            break
    return np.asarray(order[taken], dtype=np.int32)


def _groups(
    sessions: SessionBatch, candidates: Candidates, order: Order
) -> list[tuple[int, int, int]]:
    """Content type, series and artist of each candidate."""
    rows, table = candidates.items[order], sessions.table
    return list(
        zip(
            table.content_type[rows].tolist(),
            table.series[rows].tolist(),
            table.artist[rows].tolist(),
            strict=True,
        )
    )


def _take(
    groups: Sequence[tuple[int, int, int]],
    taken: list[int],
    type_limits: Sequence[int],
    caps: Caps,
    rules: int,
) -> list[int]:
    """Fill up `taken`, best first, under the first `rules` of artist, series and type caps."""
    types, series, artists = (Counter([groups[i][k] for i in taken]) for k in range(3))
    already = set(taken)
    for index, (kind, show, artist) in enumerate(groups):
        if len(taken) >= caps.length:
            break
        full = (
            (rules >= 1 and artist >= 0 and artists[artist] >= caps.per_artist)
            or (rules >= 2 and show >= 0 and series[show] >= caps.per_series)
            or (rules >= 3 and types[kind] >= type_limits[kind])
        )
        if index in already or full:
            continue
        taken.append(index)
        types[kind] += 1
        series[show] += 1
        artists[artist] += 1
    return taken
