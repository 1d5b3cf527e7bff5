"""Candidates beside the sessions that own them: the shared arithmetic under candidate features.

One matrix product a session for all cosines, one sorted look-up for all counts of a kind: gathering
the ring for every candidate took three times as long.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from service.core.candidates import Candidates
from service.core.events import CONTENT_TYPES
from service.core.items import F32, I32
from service.core.keys import I64, pair_keys, sum_by_key
from service.core.products import product
from service.core.sessions import Mask, SessionBatch

TYPES: Final = len(CONTENT_TYPES)
RECENT: Final = 10
"""How many of the newest plays the short-term features look at."""

WANTED, PLEASED, REFUSED, NEWEST = 0, 1, 2, 3
"""Columns of `cosines`: three session directions, then the newest plays one by one."""

HEARD, HEARD_NOW, HEARD_5, SKIPPED, COMPLETED, LIKED = range(6)
"""Columns of `item_counts`, `artist_counts` and `type_counts`."""
RECENT_10: Final = 6


@dataclass(frozen=True)
class Pairing:
    """What candidate features are made of (B sessions, M candidates, R ring entries)."""

    sessions: SessionBatch
    candidates: Candidates

    @property
    def items(self) -> I32:
        """int32[M]: item rows."""
        return self.candidates.items

    @cached_property
    def _bounds(self) -> list[tuple[int, slice]]:
        """Each session's number and the slice of its candidates."""
        edges = np.searchsorted(self.candidates.owner, np.arange(len(self.sessions) + 1))
        pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return [(b, slice(low, high)) for b, (low, high) in enumerate(pairs) if high > low]

    @cached_property
    def cosines(self) -> F32:
        """float32[M, 13]: to the three session directions and to the newest ten plays.

        The same bits for a candidate alone, as in training, and among others, as in serving.
        """
        s = self.sessions
        directions = np.stack([s.wanted, s.pleased, s.refused], axis=1)
        against = np.concatenate([directions, s.vectors[:, :RECENT]], axis=1)
        vectors = s.table.vectors[self.items]
        cosines = np.empty((len(self.items), against.shape[1]), dtype=np.float32)
        for b, mine in self._bounds:
            cosines[mine] = product(vectors[mine], against[b].T)
        return cosines

    @cached_property
    def _tallies(self) -> F32:
        """float32[B, R, 7]: what each ring entry counts towards, by column."""
        s = self.sessions
        newest = np.arange(s.rows.shape[1])
        columns = (
            s.played,
            s.played & s.current,
            s.played & (newest < 5),
            s.skipped,
            s.completed,
            s.played & (s.liked > 0),
            s.played & (newest < RECENT),
        )
        return np.stack(columns, axis=2).astype(np.float32)

    def _counts(self, of_ring: I32, of_candidate: I32, values_max: int) -> F32:
        """float32[M, 7]: tallies of the ring entries that match each candidate, -1 matches none."""
        owner, place = np.nonzero(self.sessions.played & (of_ring >= 0))
        ring_keys = pair_keys(owner.astype(np.int32), of_ring[owner, place], values_max)
        wanted = self._wanted(of_candidate, values_max)
        return sum_by_key(wanted, ring_keys, self._tallies[owner, place])

    def _wanted(self, of_candidate: I32, values_max: int) -> I64:
        """int64[M]: each candidate's (session, value) key; -1, which no entry has, for unknown."""
        keys = pair_keys(self.candidates.owner, of_candidate, values_max)
        keys[of_candidate < 0] = -1
        return keys

    @cached_property
    def item_counts(self) -> F32:
        """float32[M, 7]: of plays of this item."""
        return self._counts(self.sessions.rows, self.items, len(self.sessions.table))

    @cached_property
    def artist_counts(self) -> F32:
        """float32[M, 7]: of plays by this artist; unknown artists match nothing."""
        table = self.sessions.table
        of_ring = table.artist[self.sessions.rows]
        return self._counts(of_ring, table.artist[self.items], len(table.artist_ids))

    @cached_property
    def type_counts(self) -> F32:
        """float32[M, 7]: of plays of this content type."""
        table = self.sessions.table
        of_ring = table.content_type[self.sessions.rows][:, :, None] == np.arange(TYPES)
        by_type = np.einsum("brt,brc->btc", of_ring.astype(np.float32), self._tallies)
        counts: F32 = by_type[self.candidates.owner, table.content_type[self.items]]
        return counts

    @cached_property
    def artist_memory(self) -> F32:
        """float32[M, 4]: plays, skips, likes, dislikes of the artist, from the lasting memory."""
        table = self.sessions.table
        known = [
            (b, row, m.plays, m.skips, m.likes, m.dislikes)
            for b, state in enumerate(self.sessions.states)
            for m in state.artists
            if (row := table.artist_rows.get(m.artist_id)) is not None
        ]
        columns = np.array(known, dtype=np.int32).reshape(-1, 6)
        wanted = self._wanted(table.artist[self.items], len(table.artist_ids))
        keys = pair_keys(columns[:, 0], columns[:, 1], len(table.artist_ids))
        return sum_by_key(wanted, keys, columns[:, 2:].astype(np.float32))

    def nearest(self, chosen: Mask) -> F32:
        """float32[M]: largest cosine to a chosen play of the newest ten; 0 where none is."""
        cosines = self.cosines[:, NEWEST:]
        mine = chosen[:, :RECENT][self.candidates.owner]
        return np.asarray(np.where(mine, cosines, 0.0).max(axis=1), dtype=np.float32)

    @cached_property
    def distance_from_completed(self) -> F32:
        """float32[M, A]: attribute distance from the mean of what went well lately."""
        good = self.sessions.completed | self.sessions.queued
        return self._distance(good)

    @cached_property
    def distance_from_skipped(self) -> F32:
        """float32[M, A]: attribute distance from the mean of what was skipped lately."""
        return self._distance(self.sessions.skipped)

    @cached_property
    def _attributes(self) -> F32:
        """float32[M, A]: the candidates' own."""
        return self.sessions.table.known_attributes[self.items]

    def _distance(self, chosen: Mask) -> F32:
        known, s = self.sessions.table.known_attributes, self.sessions
        recent = chosen[:, :RECENT].astype(np.float32)
        total = np.einsum("br,bra->ba", recent, known[s.rows[:, :RECENT]])
        count = recent.sum(axis=1, keepdims=True)
        mean, owner = total / np.maximum(count, 1), self.candidates.owner
        gap = np.abs(self._attributes - mean[owner])
        return np.asarray(gap * (count > 0)[owner], dtype=np.float32)
