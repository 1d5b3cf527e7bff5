"""The selector: from scored candidates to the slate's order, with room for variety.

Walks each session's candidates from best to worst and takes what the caps allow: so many by one
artist, so many of one show, so many of one content type. When the caps leave places empty they give
way, in this order: content type, show, artist. A candidate whose score is not a finite number takes
no place at all.
"""

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


GIVE_WAY: Final = (
    (True, True, True),
    (False, True, True),
    (False, False, True),
    (False, False, False),
)
"""Which caps hold (content type, series, artist), as one pass after another leaves places empty."""


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
    limits = type_caps(sessions, caps).tolist()
    slates = []
    for b, (low, high) in enumerate(pairwise(edges)):
        best = low + np.lexsort((candidates.items[low:high], cost[low:high]))
        sound = best[: int(is_sound[low:high].sum())]
        taken = _walk(_groups(sessions, candidates, sound), limits[b], caps)
        slates.append(np.asarray(sound[taken], dtype=np.int32))
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


def _walk(
    groups: Sequence[tuple[int, int, int]], type_limits: Sequence[int], caps: Caps
) -> list[int]:
    """Take from best to worst what the caps allow; come back for the rest as the caps give way."""
    taken: list[int] = []
    types, series, artists = [0] * len(CONTENT_TYPES), {-1: 0}, {-1: 0}
    waiting: Sequence[int] = range(len(groups))
    for by_type, by_series, by_artist in GIVE_WAY:
        passed_over = []
        for index in waiting:
            kind, show, artist = groups[index]
            if (
                (by_artist and artists.get(artist, 0) >= caps.per_artist)
                or (by_series and series.get(show, 0) >= caps.per_series)
                or (by_type and types[kind] >= type_limits[kind])
            ):
                passed_over.append(index)
                continue
            taken.append(index)
            if len(taken) == caps.length:
                return taken
            types[kind] += 1
            # Nobody's and no show's, -1, is not counted: it is no cap's business.
            series[show] = series.get(show, 0) + (show >= 0)
            artists[artist] = artists.get(artist, 0) + (artist >= 0)
        waiting = passed_over
    return taken
