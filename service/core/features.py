"""The ranker's input: a table of features of the session, one of the candidate in that session.

The same code runs when training and when serving, so the two cannot drift apart. Order is the
model's input order: append only; a change of meaning is a new name. All are free of the item space
(cosines, counts, shares), so that one model serves every catalogue.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from service.core.candidates import Candidates
from service.core.items import ATTRIBUTES, F32, I32
from service.core.pairing import (
    COMPLETED,
    HEARD,
    HEARD_5,
    HEARD_NOW,
    LIKED,
    NEWEST,
    PLEASED,
    RECENT,
    RECENT_10,
    REFUSED,
    SKIPPED,
    WANTED,
    Pairing,
)
from service.core.sessions import Mask, SessionBatch


@dataclass(frozen=True)
class Features:
    """What the scorer reads.

    Shapes (B sessions, M candidates):
        user: float32[B, len(SESSION_FEATURES)]; owner: int32[M], ascending
        candidate: float32[M, len(CANDIDATE_FEATURES)]
    """

    user: F32
    owner: I32
    candidate: F32


def _share(mask: Mask, of: Mask) -> F32:
    """Share of `of` that is also in `mask`, by row; 0 where there is nothing."""
    total = np.maximum(of.sum(axis=1), 1)
    return np.asarray((mask & of).sum(axis=1) / total, dtype=np.float32)


def _newest(mask: Mask, count: int) -> Mask:
    """The mask limited to the newest `count` ring entries."""
    limited = mask.copy()
    limited[:, count:] = False
    return limited


def _run_of_skips(s: SessionBatch) -> F32:
    """How many of the newest finished plays were skips in a row: 0 for none, 1 for five or more."""
    skipped = s.skipped
    finished = skipped | s.completed
    order = np.argsort(~finished, axis=1, kind="stable")[:, :5]
    newest = np.take_along_axis(skipped & finished, order, axis=1)
    return np.asarray(np.cumprod(newest, axis=1).sum(axis=1) / 5, dtype=np.float32)


def _heard_share(s: SessionBatch) -> F32:
    """Mean share of the duration that was heard, over the newest ten plays of known duration."""
    duration = s.table.duration_s[s.rows]
    known = _newest(s.played & (duration > 0), RECENT)
    share = np.where(known, np.minimum(s.dwell_s / np.maximum(duration, 1), 1.0), 0.0)
    return np.asarray(share.sum(axis=1) / np.maximum(known.sum(axis=1), 1), dtype=np.float32)


def _of_type(content_type: int) -> Callable[[SessionBatch], F32]:
    def share(s: SessionBatch) -> F32:
        return _share(s.table.content_type[s.rows] == content_type, _newest(s.played, RECENT))

    return share


SESSION_FEATURES: Final[dict[str, Callable[[SessionBatch], F32]]] = {
    "session_plays": lambda s: np.log1p(s.current.sum(axis=1)),
    "ring_plays": lambda s: np.log1p(s.played.sum(axis=1)),
    "skip_share_3": lambda s: _share(s.skipped, _newest(s.played, 3)),
    "skip_share_10": lambda s: _share(s.skipped, _newest(s.played, 10)),
    "skip_share": lambda s: _share(s.skipped, s.played),
    "complete_share_10": lambda s: _share(s.completed, _newest(s.played, 10)),
    "run_of_skips": _run_of_skips,
    "heard_share": _heard_share,
    "liked_share": lambda s: _share(np.asarray(s.liked > 0), s.played),
    "music_share": _of_type(0),
    "podcast_share": _of_type(1),
    "audiobook_share": _of_type(2),
    "video_share": _of_type(3),
}


def _is_type(content_type: int) -> Callable[[Pairing], F32]:
    return lambda p: np.asarray(p.sessions.table.content_type[p.items] == content_type, np.float32)


def _ratio(counts: F32, part: int, whole: int) -> F32:
    return np.asarray(counts[:, part] / np.maximum(counts[:, whole], 1), dtype=np.float32)


def _type_share(p: Pairing) -> F32:
    """Share of the session's newest ten plays that have the candidate's content type."""
    plays = np.maximum(p.sessions.played[:, :RECENT].sum(axis=1), 1)[p.candidates.owner]
    return np.asarray(p.type_counts[:, RECENT_10] / plays, dtype=np.float32)


def _continues(p: Pairing) -> F32:
    """The candidate follows one of the newest five plays in its series."""
    following = p.sessions.table.next_in_series[p.sessions.rows[:, :5]]
    follows = (following[p.candidates.owner] == p.items[:, None]).any(axis=1)
    return np.asarray(follows, dtype=np.float32)


def _freshness(p: Pairing) -> F32:
    """1 for the newest release, fading with a scale of a year; 0 when unknown."""
    day = p.sessions.table.released_day[p.items]
    age_years = (p.sessions.table.newest_day - day) / 365.0
    return np.asarray(np.where(day > 0, np.exp(-age_years), 0.0), dtype=np.float32)


def _attribute(distances: Callable[[Pairing], F32], number: int) -> Callable[[Pairing], F32]:
    return lambda p: distances(p)[:, number]


CANDIDATE_FEATURES: Final[dict[str, Callable[[Pairing], F32]]] = {
    "cosine_wanted": lambda p: p.cosines[:, WANTED],
    "cosine_pleased": lambda p: p.cosines[:, PLEASED],
    "cosine_refused": lambda p: p.cosines[:, REFUSED],
    "cosine_newest": lambda p: p.cosines[:, NEWEST],
    "cosine_second": lambda p: p.cosines[:, NEWEST + 1],
    "cosine_third": lambda p: p.cosines[:, NEWEST + 2],
    "nearest_completed": lambda p: p.nearest(p.sessions.completed),
    "nearest_skipped": lambda p: p.nearest(p.sessions.skipped),
    "popularity": lambda p: p.sessions.table.log_popularity[p.items],
    "freshness": _freshness,
    "duration": lambda p: np.log1p(p.sessions.table.duration_s[p.items]),
    "explicit": lambda p: p.sessions.table.explicit[p.items].astype(np.float32),
    "is_music": _is_type(0),
    "is_podcast": _is_type(1),
    "is_audiobook": _is_type(2),
    "is_video": _is_type(3),
    "type_share": _type_share,
    "type_skip_share": lambda p: _ratio(p.type_counts, SKIPPED, HEARD),
    "item_heard": lambda p: np.log1p(p.item_counts[:, HEARD]),
    "item_heard_now": lambda p: np.minimum(p.item_counts[:, HEARD_NOW], 1),
    "item_skipped": lambda p: np.log1p(p.item_counts[:, SKIPPED]),
    "item_liked": lambda p: np.minimum(p.item_counts[:, LIKED], 1),
    "artist_heard": lambda p: np.log1p(p.artist_counts[:, HEARD]),
    "artist_heard_5": lambda p: np.log1p(p.artist_counts[:, HEARD_5]),
    "artist_skipped": lambda p: np.log1p(p.artist_counts[:, SKIPPED]),
    "artist_completed": lambda p: np.log1p(p.artist_counts[:, COMPLETED]),
    "artist_liked": lambda p: np.log1p(p.artist_counts[:, LIKED]),
    "artist_plays": lambda p: np.log1p(p.artist_memory[:, 0]),
    "artist_skips": lambda p: np.log1p(p.artist_memory[:, 1]),
    "artist_likes": lambda p: np.log1p(p.artist_memory[:, 2]),
    "artist_dislikes": lambda p: np.log1p(p.artist_memory[:, 3]),
    "continues": _continues,
    **{
        f"{name}_from_completed": _attribute(lambda p: p.distance_from_completed, a)
        for a, name in enumerate(ATTRIBUTES)
    },
    **{
        f"{name}_from_skipped": _attribute(lambda p: p.distance_from_skipped, a)
        for a, name in enumerate(ATTRIBUTES)
    },
}


def schema_of(session: Iterable[str], candidate: Iterable[str]) -> str:
    """Name an input layout: which features, in which order."""
    return sha256("\n".join((*session, "--", *candidate)).encode()).hexdigest()


FEATURE_SCHEMA: Final = schema_of(SESSION_FEATURES, CANDIDATE_FEATURES)
"""Names the input layout. A model trained on another layout is refused at load."""


def featurize(sessions: SessionBatch, candidates: Candidates) -> Features:
    """Compute the ranker's input for all sessions of a poll at once."""
    pairing = Pairing(sessions, candidates)
    # Filled feature by feature, each a contiguous row, and turned once at the end.
    user = np.empty((len(SESSION_FEATURES), len(sessions)), dtype=np.float32)
    for row, of_session in enumerate(SESSION_FEATURES.values()):
        user[row] = of_session(sessions)
    candidate = np.empty((len(CANDIDATE_FEATURES), len(candidates)), dtype=np.float32)
    for row, of_pair in enumerate(CANDIDATE_FEATURES.values()):
        candidate[row] = of_pair(pairing)
    return Features(
        np.ascontiguousarray(user.T), candidates.owner, np.ascontiguousarray(candidate.T)
    )
