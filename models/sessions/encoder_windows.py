"""What the encoder learns from: windows of sessions, with what the listener heard before.

A window predicts up to 20 plays of one session, each once; the plays before it, of this session and
earlier ones, are read and not predicted.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.encoder import F32, action_of
from models.sessions.history import Stream, stream_of
from models.sessions.read import I8, I32, I64, UNKNOWN, SessionLog
from service.core.memory import PlayEnd

POSITIONS_MAX: Final = 20
"""Predictions of a window; a longer session is cut into several."""
CONTEXT_MAX: Final = 12
"""Plays before a window that are read and not predicted."""


@dataclass(frozen=True)
class Layout:
    """Windows side by side, oldest play first, padded to L positions.

    Shapes: plays int32[B, L + 1] item rows, -1 outside; action int8[B, L + 1]; weight float32[B,
    L], 0 where nothing is predicted; skipped bool[B, L + 1] or None.
    """

    plays: I32
    action: I8
    weight: F32
    skipped: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Windows:
    """Windows of a log (w windows): first play, predictions, session, plays read before it.

    Shapes: begins, positions, session, context int64[w]; weights float32[n sessions].
    """

    log: SessionLog
    stream: Stream
    weights: F32
    begins: I64
    positions: I64
    session: I64
    context: I64
    skips: bool

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.begins)

    def layout(self, part: I64, length: int) -> Layout:
        """Some windows, -1 for an empty one."""
        real = (part >= 0)[:, None]
        context, positions = self.context[part][:, None], self.positions[part][:, None]
        column = np.arange(length + 1) - context
        of_session = real & (column >= 0) & (column <= positions)
        before = real & (column < 0)
        at = np.where(of_session, self.begins[part][:, None] + column, 0)
        back = self.stream.after[self.begins[part]][:, None] - 1 + column
        back = np.where(before, back, 0)
        same = self.stream.session[back] == self.session[part][:, None]
        plays = np.where(of_session, self.log.items[at], UNKNOWN)
        plays = np.where(before, self.stream.items[back], plays).astype(np.int32)
        end = np.where(before, self.stream.ends[back], self.log.ends[at])
        end = np.where(of_session | before, end, PlayEnd.NOTHING).astype(np.int8)
        current = of_session | ~before | same
        skipped = (plays >= 0) & current & (end == PlayEnd.SKIPPED)
        asked = of_session[:, 1:] & (column[:, 1:] > 0) & (plays[:, 1:] >= 0) & ~skipped[:, 1:]
        weight = np.where(asked, self.weights[self.session[part]][:, None], 0)
        return Layout(
            plays=plays,
            action=action_of(current, end),
            weight=weight.astype(np.float32),
            skipped=skipped if self.skips else None,
        )


def windows_of(log: SessionLog, recency: float, *, history: bool) -> Windows:
    """Cut every session; one of a single play predicts nothing and is left out.

    Without history, a window's context is of its own session.
    """
    stream = stream_of(log)
    count = -(-np.maximum(log.lengths - 1, 0) // POSITIONS_MAX)
    session = np.repeat(np.arange(len(log)), count)
    number = np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
    begins = log.starts[session] + number * POSITIONS_MAX
    positions = np.minimum(log.starts[session + 1] - 1 - begins, POSITIONS_MAX)
    context = _context(stream, begins, history=history)
    skips = bool((log.ends == PlayEnd.SKIPPED).any())
    weights = session_weights(len(log), recency)
    return Windows(log, stream, weights, begins, positions, session, context, skips)


def _context(stream: Stream, begins: I64, *, history: bool) -> I64:
    """int64[w]: known plays right before each window that may be read."""
    owner = stream.session if not history else stream.listener
    mine = (stream.of_session if not history else stream.of_listener)[begins]
    here = stream.after[begins] - 1  # where the window's first play stands in the stream
    count = np.zeros(len(begins), dtype=np.int64)
    open_yet = np.ones(len(begins), dtype=np.bool_)
    for back in range(1, CONTEXT_MAX + 1):
        at = here - back
        open_yet &= (at >= 0) & (owner[np.maximum(at, 0)] == mine)
        count += open_yet
    return count


def session_weights(count: int, recency: float) -> F32:
    """float32[count]: exponential in a session's age, 1 in the mean."""
    weight = np.exp(-recency * (1 - np.arange(1, count + 1) / max(count, 1)))
    return np.asarray(weight / weight.mean(), dtype=np.float32)
