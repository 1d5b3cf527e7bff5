"""The ranker's input: tables of features of the session, and of a candidate in that session.

A block of features is computed at once and has a name for each column. The same code runs when
training and when serving, so the two cannot drift apart. Order is the model's input order: append
only; a change of meaning is a new name. All are free of the item space (cosines, counts, shares),
so that one model serves every catalogue.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.items import ATTRIBUTES, F32, I32, ITEM_FACTS, U8
from service.core.memory import RING_MAX
from service.core.pairing import (
    COMPLETED,
    HEARD,
    HEARD_5,
    HEARD_NOW,
    LIKED,
    NEWEST,
    RECENT,
    RECENT_10,
    SKIPPED,
    TYPES,
    Pairing,
)
from service.core.sessions import SessionBatch

RING_READ: Final = 20
"""Newest plays that target attention looks at."""


@dataclass(frozen=True)
class Ring:
    """What target attention reads: vectors of candidates and of the newest plays.

    Shapes:
        items: float32[M, d]; plays: float32[B, 20, d], newest first; good, bad: float32[B, 20], 1
        where the play was heard to the end, liked, saved or asked for, and where it was skipped or
        disliked
    """

    items: F32
    plays: F32
    good: F32
    bad: F32


@dataclass(frozen=True)
class Features:
    """What the scorer reads.

    Shapes (B sessions, M candidates):
        user: float32[B, len(SESSION_FEATURES)]; owner: int32[M], ascending
        candidate: float32[M, len(CANDIDATE_FEATURES)]; kind: uint8[M], each candidate's content
        type: calibration goes by it; ring: for a model with target attention
    """

    user: F32
    owner: I32
    candidate: F32
    kind: U8
    ring: Ring | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by its name, those of the ring as `ring_items` and so on."""
        own = {name: array for name, array in vars(self).items() if name != "ring"}
        ring = vars(self.ring) if self.ring is not None else {}
        return own | {f"ring_{name}": array for name, array in ring.items()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The inverse of `arrays`; other names are left aside. KeyError if one is missing."""
        names = ("items", "plays", "good", "bad")
        has_ring = "ring_items" in arrays
        ring = Ring(*(arrays[f"ring_{name}"] for name in names)) if has_ring else None
        return cls(arrays["user"], arrays["owner"], arrays["candidate"], arrays["kind"], ring)


def _share(part: F32, whole: F32) -> F32:
    """Part / whole, 0 where there is nothing."""
    return np.asarray(part / np.maximum(whole, 1), dtype=np.float32)


WINDOWS: Final = np.array(
    [np.arange(RING_MAX) < newest for newest in (3, RECENT, RING_MAX)], dtype=np.float32
)
"""float32[3, R]: the newest 3 plays, the newest 10, all of them."""


def _plays(s: SessionBatch) -> F32:
    """How many plays the session has, and the ring, on a log scale: float32[B, 2]."""
    plays = np.stack([s.current.sum(axis=1), s.played.sum(axis=1)], axis=1)
    return np.asarray(np.log1p(plays), dtype=np.float32)


def _shares(s: SessionBatch) -> F32:
    """Shares of plays skipped (of 3, 10, all) and completed (of 10): float32[B, 4]."""
    marks = np.stack([s.played, s.skipped, s.completed], axis=1).astype(np.float32)
    played, skipped, completed = np.moveaxis(marks @ WINDOWS.T, 1, 0)  # each [B, 3]
    return np.hstack([_share(skipped, played), _share(completed, played)[:, 1:2]])


def _run_of_skips(s: SessionBatch) -> F32:
    """How many of the newest finished plays were skips in a row: 0 for none, 1 for five or more."""
    skipped = s.skipped
    finished = skipped | s.completed
    order = np.argsort(~finished, axis=1, kind="stable")[:, :5]
    newest = np.take_along_axis(skipped & finished, order, axis=1)
    return np.asarray(np.cumprod(newest, axis=1).sum(axis=1) / 5, dtype=np.float32)[:, None]


def _pleasure(s: SessionBatch) -> F32:
    """Mean share heard of the newest ten, and the share of all plays liked: float32[B, 2]."""
    duration = s.table.duration_s[s.rows[:, :RECENT]]
    known = s.played[:, :RECENT] & (duration > 0)
    share = np.where(known, np.minimum(s.dwell_s[:, :RECENT] / np.maximum(duration, 1), 1.0), 0.0)
    heard = _share(share.sum(axis=1), known.sum(axis=1))
    liked = _share((s.played & (s.liked > 0)).sum(axis=1), s.played.sum(axis=1))
    return np.stack([heard, liked], axis=1)


def _mix(s: SessionBatch) -> F32:
    """Share of each content type in the newest ten plays: float32[B, 4]."""
    played = s.played[:, :RECENT, None]
    types = s.table.content_type[s.rows[:, :RECENT]][:, :, None] == np.arange(TYPES)
    return _share((types & played).sum(axis=1), played.sum(axis=1))


SESSION_BLOCKS: Final[dict[tuple[str, ...], Callable[[SessionBatch], F32]]] = {
    ("session_plays", "ring_plays"): _plays,
    ("skip_share_3", "skip_share_10", "skip_share", "complete_share_10"): _shares,
    ("run_of_skips",): _run_of_skips,
    ("heard_share", "liked_share"): _pleasure,
    ("music_share", "podcast_share", "audiobook_share", "video_share"): _mix,
}


def _nearest(p: Pairing) -> F32:
    """Largest cosine to one of the newest plays that was completed, and to one skipped."""
    return np.stack([p.nearest(p.sessions.completed), p.nearest(p.sessions.skipped)], axis=1)


def _type_fit(p: Pairing) -> F32:
    """Of the candidate's content type: its share of the newest ten plays, its share skipped."""
    plays = np.maximum(p.sessions.played[:, :RECENT].sum(axis=1), 1)[p.candidates.owner]
    counts = p.type_counts
    return np.stack(
        [counts[:, RECENT_10] / plays, _share(counts[:, SKIPPED], counts[:, HEARD])], axis=1
    )


def _item_history(p: Pairing) -> F32:
    heard, now, skipped, liked = p.item_counts[:, (HEARD, HEARD_NOW, SKIPPED, LIKED)].T
    return np.stack(
        [np.log1p(heard), np.minimum(now, 1), np.log1p(skipped), np.minimum(liked, 1)], axis=1
    )


def _artist_history(p: Pairing) -> F32:
    return np.log1p(p.artist_counts[:, (HEARD, HEARD_5, SKIPPED, COMPLETED, LIKED)])


def _continues(p: Pairing) -> F32:
    """The candidate follows one of the newest five plays in its series."""
    following = p.sessions.table.next_in_series[p.sessions.rows[:, :5]]
    follows = (following[p.candidates.owner] == p.items[:, None]).any(axis=1)
    return np.asarray(follows, dtype=np.float32)[:, None]


CANDIDATE_BLOCKS: Final[dict[tuple[str, ...], Callable[[Pairing], F32]]] = {
    (
        "cosine_wanted",
        "cosine_pleased",
        "cosine_refused",
        "cosine_newest",
        "cosine_second",
        "cosine_third",
    ): lambda p: p.cosines[:, : NEWEST + 3],
    ("nearest_completed", "nearest_skipped"): _nearest,
    ITEM_FACTS: lambda p: p.sessions.table.facts[p.items],
    ("type_share", "type_skip_share"): _type_fit,
    ("item_heard", "item_heard_now", "item_skipped", "item_liked"): _item_history,
    (
        "artist_heard",
        "artist_heard_5",
        "artist_skipped",
        "artist_completed",
        "artist_liked",
    ): _artist_history,
    ("artist_plays", "artist_skips", "artist_likes", "artist_dislikes"): (
        lambda p: np.log1p(p.artist_memory)
    ),
    ("continues",): _continues,
    tuple(f"{name}_from_completed" for name in ATTRIBUTES): lambda p: p.distance_from_completed,
    tuple(f"{name}_from_skipped" for name in ATTRIBUTES): lambda p: p.distance_from_skipped,
}

SESSION_FEATURES: Final = tuple(name for names in SESSION_BLOCKS for name in names)
CANDIDATE_FEATURES: Final = tuple(name for names in CANDIDATE_BLOCKS for name in names)


def schema_of(session: Iterable[str], candidate: Iterable[str]) -> str:
    """Name an input layout: which features, in which order."""
    return sha256("\n".join((*session, "--", *candidate)).encode()).hexdigest()


FEATURE_SCHEMA: Final = schema_of(SESSION_FEATURES, CANDIDATE_FEATURES)
"""Names the input layout. A model trained on another layout is refused at load."""


BLOCKS: Final = ("base", "evidence", "ring")
"""Blocks that a model may read: of catalogue and state, of an index, vectors for attention."""

Columns = tuple[str, ...]


def columns_of(blocks: Iterable[str]) -> tuple[Columns, Columns]:
    """Names of the session's columns and of the candidate's, for blocks in this order."""
    session: Columns = ()
    candidate: Columns = ()
    for block in blocks:
        if block == "evidence":
            candidate += evidence_columns()
        elif block == "base":
            session, candidate = session + SESSION_FEATURES, candidate + CANDIDATE_FEATURES
    return session, candidate


def evidence_columns() -> Columns:
    """What retrieval says of a candidate. Imported late: a worker without an index does without."""
    return tuple(import_module("service.core.retrieval").EVIDENCE_FEATURES)


def schema_of_blocks(blocks: Iterable[str]) -> str:
    """Name the input layout of a model that reads these blocks, in this order."""
    session, candidate = columns_of(blocks)
    return schema_of(session, (*candidate, "ring") if "ring" in blocks else candidate)


def features_of(blocks: Sequence[str], sessions: SessionBatch, candidates: Candidates) -> Features:
    """The columns of these blocks side by side, in this order; only they are computed."""
    users, cands = [np.empty((len(sessions), 0), np.float32)], []
    for block in blocks:
        if block == "evidence":
            assert candidates.evidence is not None, "no index has said anything"
            cands.append(candidates.evidence)
        elif block == "base":
            base = featurize(sessions, candidates)
            users.append(base.user)
            cands.append(base.candidate)
    kind = sessions.table.content_type[candidates.items]
    user, cand = users[-1], cands[0] if len(cands) == 1 else np.hstack(cands)
    ring = ring_of(sessions, candidates) if "ring" in blocks else None
    return Features(user, candidates.owner, cand, kind, ring)


def ring_of(sessions: SessionBatch, candidates: Candidates) -> Ring:
    """Vectors of the candidates and of the newest plays, and what the plays say."""
    newest = slice(None), slice(RING_READ)
    good = sessions.completed | sessions.queued | (sessions.liked > 0) | (sessions.saved > 0)
    bad = sessions.skipped | (sessions.liked < 0)
    return Ring(
        sessions.table.vectors[candidates.items],
        sessions.vectors[newest],
        (good & sessions.played)[newest].astype(np.float32),
        (bad & sessions.played)[newest].astype(np.float32),
    )


def featurize(sessions: SessionBatch, candidates: Candidates) -> Features:
    """Compute the ranker's input for all sessions of a poll at once."""
    pairing = Pairing(sessions, candidates)
    user = np.empty((len(sessions), len(SESSION_FEATURES)), dtype=np.float32)
    at = 0
    for names, of_session in SESSION_BLOCKS.items():
        user[:, at : (at := at + len(names))] = of_session(sessions)
    candidate = np.empty((len(candidates), len(CANDIDATE_FEATURES)), dtype=np.float32)
    at = 0
    for names, of_pair in CANDIDATE_BLOCKS.items():
        candidate[:, at : (at := at + len(names))] = of_pair(pairing)
    kind = sessions.table.content_type[candidates.items]
    return Features(user, candidates.owner, candidate, kind)
