"""Candidates and their evidence for the sessions of a poll, one session after the other.

    neighbours, links, ring   what is known of items in the light of the session, into scratch
    nearest                   items near to where the encoder points
    lists > union > evidence

Nothing of one session is seen by the next: what a listener gets does not depend on the batch.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32
from service.core.retrieval.evidence import CANDIDATE_EVIDENCE, EVIDENCE_FEATURES, SOURCES
from service.core.retrieval.gathering import cosines, gather, wipe
from service.core.retrieval.index import Limits, Mask, SessionIndex
from service.core.retrieval.links import add_links, add_ring
from service.core.retrieval.nearest import keep_best, nearest_items, refine
from service.core.retrieval.neighbours import add_held, find_sessions
from service.core.retrieval.proposing import best_touched, unite, weigh_touched
from service.core.retrieval.scratch import NARROW, Scratch
from service.core.retrieval.session_facts import describe, point

FADES: Final = (5.0, 1.5)
"""Plays over which a session's older plays fade: for neighbours wide, and narrow."""


SPARE: Final = 32
"""More of the coarse search than is wanted: its order is a little off."""
OWN: Final = len(CANDIDATE_EVIDENCE)
SIZE: Final = len(EVIDENCE_FEATURES) - OWN


@dataclass(frozen=True)
class Retrieved:
    """Candidates of B sessions, M in all, with their evidence.

    Shapes: owner int32[M] ascending; items int32[M]; sources uint32[M], bits as in SOURCES, none
    for those that the caller brought; evidence float32[M, 44], as in EVIDENCE_FEATURES.
    """

    owner: I32
    items: I32
    sources: NDArray[np.uint32]
    evidence: F32


@dataclass
class Retriever:
    """Retrieval over one index, for one thread: it keeps its working memory."""

    index: SessionIndex
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Make room once."""
        self._scratch = Scratch.of(self.index, self.limits)
        places = np.arange(self.limits.recent, dtype=np.float32)[:, None]
        self._fade = np.exp(-places / np.array(FADES, np.float32)).astype(np.float32)
        items, limits = len(self.index), self.limits
        self._near = np.zeros(items, np.float32)
        self._rows = np.zeros(items, np.int32)
        self._weights = np.zeros((2, items), np.float32)
        sizes = (limits.encoder + SPARE, limits.hybrid, limits.soon)
        self._lists = tuple((np.zeros(k, np.int32), np.zeros(k, np.float32)) for k in sizes)
        self._absent = np.array((limits.encoder, *sizes[1:]), np.int32)
        self._own_bits = np.uint32((1 << len(SOURCES)) - 1)
        self._probes = limits.probes_of(self.index)

    def retrieve(
        self,
        recent: I32,
        current: Mask,
        directions: F32,
        extra_owner: I32 | None = None,
        extra_items: I32 | None = None,
    ) -> Retrieved:
        """Propose for every session, and say what speaks for each candidate.

        Shapes:
            recent int32[B, R], newest first, -1 where nothing known was played; current bool[B, R];
            directions float32[B, d]; extra_owner ascending, extra_items int32[X]: candidates that
            the caller brings.
        """
        owner = np.empty(0, np.int32) if extra_owner is None else extra_owner
        items = np.empty(0, np.int32) if extra_items is None else extra_items
        starts = np.searchsorted(owner, np.arange(len(recent) + 1))
        parts = [
            self._one(recent[b], current[b], directions[b], items[starts[b] : starts[b + 1]])
            for b in range(len(recent))
        ]
        lengths = [len(part[0]) for part in parts]
        if not parts:
            return _nothing()
        return Retrieved(
            np.repeat(np.arange(len(parts), dtype=np.int32), lengths),
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
        )

    def lists(self, recent: I32, current: Mask, direction: F32) -> tuple[I32, I32, I32]:
        """What the first three sources propose for one session, best first: for reports."""
        session = np.where(current, recent, np.int32(-1))
        touched = self._scratch.touched[: self._touch(recent, current, session)]
        leaves = float(self.index.facts[session[0], 4]) if session[0] >= 0 else 0.0
        wide_best, _ = best_touched(self._scratch.found, touched)
        near, hybrid, soon = self._propose(direction, touched, wide_best, leaves)
        wipe(self._scratch.found, touched)
        return near.copy(), hybrid.copy(), soon.copy()

    def _one(
        self, recent: I32, current: Mask, direction: F32, extra: I32
    ) -> tuple[I32, NDArray[np.uint32], F32]:
        index, scratch, limits = self.index, self._scratch, self.limits
        session = np.where(current, recent, np.int32(-1))
        last = int(session[0])
        count = self._touch(recent, current, session)
        touched = scratch.touched[:count]
        leaves = float(index.facts[last, 4]) if last >= 0 else 0.0
        wide_best, soon_best = best_touched(scratch.found, touched)
        lists = self._propose(direction, touched, wide_best, leaves)
        ring = recent[recent >= 0]
        items, sources, places = self._unite((*lists, ring, index.popular), extra)
        towards, known = np.empty((3, index.dim), np.float32), np.empty(SIZE, np.float32)
        point(direction, session[: limits.recent], index.vectors, towards)
        near = np.empty((len(items), 3), np.float32)
        cosines(index.vectors, items, towards, near)
        encoder_best = float(self._lists[0][1][0]) if len(lists[0]) else 0.0
        narrow_best = float(scratch.found[touched, NARROW].max(initial=0))
        best = np.array([encoder_best, wide_best, soon_best, narrow_best], np.float32)
        evidence = np.empty((len(items), len(EVIDENCE_FEATURES)), np.float32)
        mine, of_session = evidence[:, :OWN], evidence[:, OWN:]
        gather(items, places, near, scratch.found, index.facts, best, leaves, last, mine)
        describe(recent, current, index.facts, best, scratch.found, known)
        of_session[:] = known
        wipe(scratch.found, touched)
        wipe(scratch.found, items)
        return items, sources, evidence

    def _touch(self, recent: I32, current: Mask, session: I32) -> int:
        index, scratch, limits = self.index, self._scratch, self.limits
        newest = session[: limits.recent]
        alike = find_sessions(
            newest,
            self._fade,
            index.posting_starts,
            index.postings,
            scratch.alike,
            scratch.sessions,
        )
        count = add_held(
            scratch.sessions[:alike],
            scratch.alike,
            (limits.sessions, limits.sessions_narrow),
            index.play_starts,
            index.plays,
            scratch.weighed,
            scratch.found,
            scratch.touched,
            0,
        )
        count = add_links(
            session[: limits.linked],
            index.link_starts,
            index.link_items,
            index.links,
            scratch.found,
            scratch.touched,
            count,
        )
        return int(add_ring(recent, current, scratch.found, scratch.touched, count))

    def _propose(
        self, direction: F32, touched: I32, wide_best: float, leaves: float
    ) -> tuple[I32, I32, I32]:
        index, count = self.index, len(touched)
        (near, near_score), (hybrid, hybrid_score), (soon, soon_score) = self._lists
        found = nearest_items(
            direction,
            index.centroids,
            index.cluster_starts,
            index.cluster_items,
            index.clusters,
            self._probes,
            near,
            near_score,
            self._near,
            self._rows,
        )
        refine(direction, index.vectors, near[:found], near_score[:found])
        weights = self._weights[:, :count]
        weigh_touched(self._scratch.found, touched, wide_best, leaves, weights[0], weights[1])
        return (
            near[: min(found, self.limits.encoder)],
            hybrid[: keep_best(weights[0], touched, hybrid, hybrid_score)],
            soon[: keep_best(weights[1], touched, soon, soon_score)],
        )

    def _unite(self, lists: tuple[I32, ...], extra: I32) -> tuple[I32, NDArray[np.uint32], I32]:
        most = sum(len(rows) for rows in lists) + len(extra)
        items, sources = np.empty(most, np.int32), np.empty(most, np.uint32)
        places = np.empty((most, 3), np.int32)
        places[:] = self._absent
        count = 0
        for source, rows in enumerate(lists):
            count = unite(rows, source, self._scratch.found, items, sources, places, count)
        count = unite(extra, len(lists), self._scratch.found, items, sources, places, count)
        return items[:count], sources[:count] & self._own_bits, places[:count]


def _nothing() -> Retrieved:
    none = np.empty(0, np.int32)
    return Retrieved(
        none,
        none,
        np.empty(0, np.uint32),
        np.empty((0, len(EVIDENCE_FEATURES)), np.float32),
    )
