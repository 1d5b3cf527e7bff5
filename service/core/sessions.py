"""Session states of a poll as columns: the ranking stages work on all users at once.

Built from the ring of each state and the item table; nothing here is stored. Ring entries whose
item the catalogue does not know are left out: they cannot be compared with anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32, ItemTable
from service.core.memory import RING_MAX, PlayEnd
from service.core.session import SessionState

Mask = NDArray[np.bool_]

RECENCY: Final = 0.85
"""Weight of a play against the one after it, in the session vector."""
FADE: Final = RECENCY ** np.arange(RING_MAX, dtype=np.float32)

WEIGHT_BY_END: Final = np.array([0.3, 0.6, -0.4, 1.0, 0.8], dtype=np.float32)
"""What a play says of what is wanted now, by PlayEnd (0 nothing ... 4 queued)."""
WEIGHT_LIKED: Final = 1.5

AT_S_MAX: Final = 2**31 - 1
"""A producer's clock may claim any year; a column of int32 ends in 2038."""

_PLAY_COLUMNS: Final = 6


@dataclass(frozen=True)
class SessionBatch:
    """States side by side, newest play first.

    Shapes (B sessions, R = 50 ring entries):
        rows: int32[B, R], item rows, -1 where there is no play
        end, liked, saved, dwell_s, at_s: int32[B, R]
        current: bool[B, R], the play belongs to the current session
    """

    table: ItemTable
    states: Sequence[SessionState]
    rows: I32
    end: I32
    dwell_s: I32
    at_s: I32
    liked: I32
    saved: I32
    current: Mask

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self.states)

    @cached_property
    def played(self) -> Mask:
        """bool[B, R]: there is a play here."""
        return self.rows >= 0

    @cached_property
    def skipped(self) -> Mask:
        """bool[B, R]: plays that were skipped."""
        return self._ended(PlayEnd.SKIPPED)

    @cached_property
    def completed(self) -> Mask:
        """bool[B, R]: plays heard to the end."""
        return self._ended(PlayEnd.COMPLETED)

    @cached_property
    def queued(self) -> Mask:
        """bool[B, R]: items asked for by hand, not played yet."""
        return self._ended(PlayEnd.QUEUED)

    def _ended(self, end: PlayEnd) -> Mask:
        return np.asarray(self.played & (self.end == int(end)))

    @cached_property
    def weights(self) -> F32:
        """float32[B, R]: what each play says of what is wanted now, fading with later plays."""
        says = WEIGHT_BY_END[self.end] + WEIGHT_LIKED * self.liked
        return np.where(self.played, says * FADE, 0.0).astype(np.float32)

    @cached_property
    def vectors(self) -> F32:
        """float32[B, R, d]: the plays' item vectors."""
        return np.where(self.played[:, :, None], self.table.vectors[self.rows], np.float32(0))

    @cached_property
    def wanted(self) -> F32:
        """float32[B, d]: the session vector, unit length (zero without a known play)."""
        return unit(np.einsum("br,brd->bd", self.weights, self.vectors))

    @cached_property
    def pleased(self) -> F32:
        """float32[B, d]: the direction of what was completed, liked, saved or queued."""
        good = self.completed | self.queued | (self.liked > 0) | (self.saved > 0)
        return self._direction(good)

    @cached_property
    def refused(self) -> F32:
        """float32[B, d]: the direction of what was skipped or disliked."""
        return self._direction(self.skipped | (self.liked < 0))

    def _direction(self, chosen: Mask) -> F32:
        fade = FADE * (chosen & self.played)
        return unit(np.einsum("br,brd->bd", fade, self.vectors))


def unit(vectors: F32) -> F32:
    """Scale rows to length 1; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)


def session_batch(table: ItemTable, states: Sequence[SessionState]) -> SessionBatch:
    """Lay the states out as columns."""
    plays = np.full((len(states), RING_MAX, _PLAY_COLUMNS), -1, dtype=np.int32)
    current = np.zeros((len(states), RING_MAX), dtype=bool)
    for b, state in enumerate(states):
        known = _known_plays(table, state)
        if known:
            plays[b, : len(known)] = [play[:-1] for play in known]
            current[b, : len(known)] = [play[-1] for play in known]
    rows = plays[:, :, 0]
    end, dwell_s, at_s, liked, saved = np.moveaxis(np.where(rows[:, :, None] < 0, 0, plays), 2, 0)[
        1:
    ]
    return SessionBatch(
        table=table,
        states=states,
        rows=rows,
        end=end,
        dwell_s=dwell_s,
        at_s=at_s,
        liked=liked,
        saved=saved,
        current=current,
    )


def _known_plays(table: ItemTable, state: SessionState) -> list[tuple[int, ...]]:
    rows = table.rows
    return [
        (row, p.end, p.dwell_s, min(p.at_s, AT_S_MAX), p.liked, p.saved, age < state.session_len)
        for age, p in enumerate(reversed(state.ring))
        if (row := rows.get(p.item_id)) is not None
    ]
