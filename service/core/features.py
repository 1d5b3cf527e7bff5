"""The ranker's input: one table of features of the session, one of the candidate in that session.

The same code runs when training and when serving, so the two cannot drift apart. Order is the model's
input order: append only; a change of meaning is a new name. All are free of the item space (cosines,
counts, shares), so that one model serves every catalogue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.items import ATTRIBUTES, F32, I32
from service.core.memory import ArtistMemory, PlayEnd
from service.core.sessions import SessionBatch

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Features:
    """What the scorer reads.

    Shapes (B sessions, M candidates):
        user: float32[B, len(SESSION_FEATURES)], owner: int32[M], candidate: float32[M, len(CANDIDATE_FEATURES)]
    """

    user: F32
    owner: I32
    candidate: F32


@dataclass(frozen=True)
class Pairing:
    """Candidates beside the columns of the session that owns them: what candidate features are made of."""

    sessions: SessionBatch
    candidates: Candidates

    def cosine(self, vectors: F32) -> F32:
        """float32[M]: each candidate's vector times its session's vector (float32[B, d])."""
        return np.einsum("md,md->m", self.item_vectors, vectors[self.owner])

    @property
    def owner(self) -> I32:
        """int32[M]."""
        return self.candidates.owner

    @property
    def items(self) -> I32:
        """int32[M]."""
        return self.candidates.items

    @cached_property
    def item_vectors(self) -> F32:
        """float32[M, d]."""
        return np.asarray(self.sessions.table.vectors[self.items])

    @cached_property
    def same_item(self) -> Mask:
        """bool[M, R]: the ring entry is this item."""
        return np.asarray(self.sessions.rows[self.owner] == self.items[:, None])

    @cached_property
    def same_artist(self) -> Mask:
        """bool[M, R]: the ring entry is by this candidate's artist (unknown artists match nothing)."""
        table = self.sessions.table
        of_ring = np.where(self.sessions.played, table.artist[self.sessions.rows], -2)
        return np.asarray(of_ring[self.owner] == table.artist[self.items][:, None])

    def ring(self, column: NDArray[np.generic]) -> NDArray[np.generic]:
        """[M, R]: a column of the ring, of each candidate's session."""
        return column[self.owner]

    @cached_property
    def artist_memory(self) -> F32:
        """float32[M, 4]: plays, skips, likes, dislikes of the candidate's artist, from the lasting memory."""
        table = self.sessions.table
        counts = np.zeros((len(self.items), 4), dtype=np.float32)
        artists = table.artist[self.items]
        for b, state in enumerate(self.sessions.states):
            for memory in state.artists:
                row = table.artist_rows.get(memory.artist_id, -2)
                counts[(self.owner == b) & (artists == row)] = _counts(memory)
        return counts


def _counts(memory: ArtistMemory) -> tuple[int, int, int, int]:
    return memory.plays, memory.skips, memory.likes, memory.dislikes


def _share(mask: Mask, of: Mask) -> F32:
    """Share of `of` that is also in `mask`, by row; 0 where there is nothing."""
    total = np.maximum(of.sum(axis=1), 1)
    return np.asarray((mask & of).sum(axis=1) / total, dtype=np.float32)


def _newest(mask: Mask, count: int) -> Mask:
    """The mask limited to the newest `count` ring entries."""
    limited = mask.copy()
    limited[:, count:] = False
    return limited


def _ended(s: SessionBatch, end: PlayEnd) -> Mask:
    return s.played & (s.end == end)


def _run_of_skips(s: SessionBatch) -> F32:
    """How many of the newest finished plays were skips in a row, at most 5, scaled to [0, 1]."""
    skipped = _ended(s, PlayEnd.SKIPPED)
    finished = skipped | _ended(s, PlayEnd.COMPLETED)
    order = np.argsort(~finished, axis=1, kind="stable")[:, :5]
    newest = np.take_along_axis(skipped & finished, order, axis=1)
    return np.asarray(np.cumprod(newest, axis=1).sum(axis=1) / 5, dtype=np.float32)


def _heard_share(s: SessionBatch) -> F32:
    """Mean share of the duration that was heard, over the newest ten plays of known duration."""
    duration = s.table.duration_s[s.rows]
    known = _newest(s.played & (duration > 0), 10)
    share = np.where(known, np.minimum(s.dwell_s / np.maximum(duration, 1), 1.0), 0.0)
    return np.asarray(share.sum(axis=1) / np.maximum(known.sum(axis=1), 1), dtype=np.float32)


def _of_type(content_type: int) -> Callable[[SessionBatch], F32]:
    def share(s: SessionBatch) -> F32:
        return _share(s.table.content_type[s.rows] == content_type, _newest(s.played, 10))

    return share


SESSION_FEATURES: Final[dict[str, Callable[[SessionBatch], F32]]] = {
    "session_plays": lambda s: np.log1p(s.current.sum(axis=1)).astype(np.float32),
    "ring_plays": lambda s: np.log1p(s.played.sum(axis=1)).astype(np.float32),
    "skip_share_3": lambda s: _share(_ended(s, PlayEnd.SKIPPED), _newest(s.played, 3)),
    "skip_share_10": lambda s: _share(_ended(s, PlayEnd.SKIPPED), _newest(s.played, 10)),
    "skip_share": lambda s: _share(_ended(s, PlayEnd.SKIPPED), s.played),
    "complete_share_10": lambda s: _share(_ended(s, PlayEnd.COMPLETED), _newest(s.played, 10)),
    "run_of_skips": _run_of_skips,
    "heard_share": _heard_share,
    "liked_share": lambda s: _share(s.liked > 0, s.played),
    "music_share": _of_type(0),
    "podcast_share": _of_type(1),
    "audiobook_share": _of_type(2),
    "video_share": _of_type(3),
}


def _column(mask: Mask) -> F32:
    return np.asarray(mask.any(axis=1), dtype=np.float32)


def _count(mask: Mask) -> F32:
    return np.log1p(mask.sum(axis=1)).astype(np.float32)


def _vector_of_newest(p: Pairing, age: int) -> F32:
    return p.sessions.vectors[:, age]


def _nearest(p: Pairing, chosen: Mask) -> F32:
    """Largest cosine to a chosen play of the newest ten; 0 where none is chosen."""
    vectors = p.sessions.vectors[:, :10][p.owner]
    cosines = np.einsum("mrd,md->mr", vectors, p.item_vectors)
    return np.asarray(np.where(chosen[:, :10][p.owner], cosines, 0.0).max(axis=1), dtype=np.float32)


def _item_fact(column: str) -> Callable[[Pairing], F32]:
    return lambda p: np.asarray(getattr(p.sessions.table, column)[p.items], dtype=np.float32)


def _is_type(content_type: int) -> Callable[[Pairing], F32]:
    return lambda p: np.asarray(p.sessions.table.content_type[p.items] == content_type, dtype=np.float32)


def _type_share(p: Pairing) -> F32:
    """Share of the session's newest ten plays that have the candidate's content type."""
    of_ring = p.sessions.table.content_type[p.sessions.rows][p.owner]
    recent = _newest(p.sessions.played, 10)[p.owner]
    return _share(of_ring == p.sessions.table.content_type[p.items][:, None], recent)


def _type_skip_share(p: Pairing) -> F32:
    """Share of the plays of the candidate's content type that were skipped."""
    of_ring = p.sessions.table.content_type[p.sessions.rows][p.owner]
    alike = (of_ring == p.sessions.table.content_type[p.items][:, None]) & p.sessions.played[p.owner]
    return _share(_ended(p.sessions, PlayEnd.SKIPPED)[p.owner], alike)


def _distance(attribute: int, ends: tuple[PlayEnd, ...]) -> Callable[[Pairing], F32]:
    """|candidate - mean over the newest ten plays that ended so|, 0 without such a play."""

    def distance(p: Pairing) -> F32:
        s, known = p.sessions, p.sessions.table.known_attributes
        chosen = _newest(s.played & np.isin(s.end, ends), 10)
        total = (known[:, attribute][s.rows] * chosen).sum(axis=1)
        count = chosen.sum(axis=1)
        mean = total / np.maximum(count, 1)
        gap = np.abs(known[p.items, attribute] - mean[p.owner])
        return np.asarray(np.where(count[p.owner] > 0, gap, 0.0), dtype=np.float32)

    return distance


def _continues(p: Pairing) -> F32:
    """The candidate follows the newest play of its series."""
    following = p.sessions.table.next_in_series[p.sessions.rows[:, :5]]
    return _column(following[p.owner] == p.items[:, None])


def _duration(p: Pairing) -> F32:
    return np.log1p(p.sessions.table.duration_s[p.items]).astype(np.float32)


def _freshness(p: Pairing) -> F32:
    """1 for the newest release, fading with a scale of a year; 0 when unknown."""
    day = p.sessions.table.released_day[p.items]
    age = (p.sessions.table.newest_day - day) / 365.0
    return np.asarray(np.where(day > 0, np.exp(-age), 0.0), dtype=np.float32)


_GOOD = (PlayEnd.COMPLETED, PlayEnd.QUEUED)
_BAD = (PlayEnd.SKIPPED,)

CANDIDATE_FEATURES: Final[dict[str, Callable[[Pairing], F32]]] = {
    "cosine_wanted": lambda p: p.cosine(p.sessions.wanted),
    "cosine_pleased": lambda p: p.cosine(p.sessions.pleased),
    "cosine_refused": lambda p: p.cosine(p.sessions.refused),
    "cosine_newest": lambda p: p.cosine(_vector_of_newest(p, 0)),
    "cosine_second": lambda p: p.cosine(_vector_of_newest(p, 1)),
    "cosine_third": lambda p: p.cosine(_vector_of_newest(p, 2)),
    "nearest_completed": lambda p: _nearest(p, _ended(p.sessions, PlayEnd.COMPLETED)),
    "nearest_skipped": lambda p: _nearest(p, _ended(p.sessions, PlayEnd.SKIPPED)),
    "popularity": _item_fact("log_popularity"),
    "freshness": _freshness,
    "duration": _duration,
    "explicit": _item_fact("explicit"),
    "is_music": _is_type(0),
    "is_podcast": _is_type(1),
    "is_audiobook": _is_type(2),
    "is_video": _is_type(3),
    "type_share": _type_share,
    "type_skip_share": _type_skip_share,
    "item_heard": lambda p: _count(p.same_item & p.ring(p.sessions.played)),
    "item_heard_now": lambda p: _column(p.same_item & p.ring(p.sessions.current)),
    "item_skipped": lambda p: _count(p.same_item & p.ring(_ended(p.sessions, PlayEnd.SKIPPED))),
    "item_liked": lambda p: _column(p.same_item & p.ring(p.sessions.liked > 0)),
    "artist_heard": lambda p: _count(p.same_artist),
    "artist_heard_5": lambda p: _count(p.same_artist & p.ring(_newest(p.sessions.played, 5))),
    "artist_skipped": lambda p: _count(p.same_artist & p.ring(_ended(p.sessions, PlayEnd.SKIPPED))),
    "artist_completed": lambda p: _count(p.same_artist & p.ring(_ended(p.sessions, PlayEnd.COMPLETED))),
    "artist_liked": lambda p: _count(p.same_artist & p.ring(p.sessions.liked > 0)),
    "artist_plays": lambda p: np.log1p(p.artist_memory[:, 0]),
    "artist_skips": lambda p: np.log1p(p.artist_memory[:, 1]),
    "artist_likes": lambda p: np.log1p(p.artist_memory[:, 2]),
    "artist_dislikes": lambda p: np.log1p(p.artist_memory[:, 3]),
    "continues": _continues,
    **{f"{name}_from_completed": _distance(a, _GOOD) for a, name in enumerate(ATTRIBUTES)},
    **{f"{name}_from_skipped": _distance(a, _BAD) for a, name in enumerate(ATTRIBUTES)},
}

FEATURE_SCHEMA: Final = sha256(
    "\n".join((*SESSION_FEATURES, "--", *CANDIDATE_FEATURES)).encode()
).hexdigest()
"""Names the input layout. A model trained on another layout is refused at load."""


def featurize(sessions: SessionBatch, candidates: Candidates) -> Features:
    """Compute the ranker's input for all sessions of a poll at once."""
    pairing = Pairing(sessions, candidates)
    user = np.stack([f(sessions) for f in SESSION_FEATURES.values()], axis=1)
    candidate = np.stack([f(pairing) for f in CANDIDATE_FEATURES.values()], axis=1)
    return Features(user.astype(np.float32), candidates.owner, candidate.astype(np.float32))
