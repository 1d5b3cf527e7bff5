"""Which plays the session encoder reads, and what each of them did."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import I32
from service.core.memory import PlayEnd

EARLIER: Final = len(PlayEnd)
"""Added to what a play of an earlier session did."""


@dataclass(frozen=True)
class ReadPlays:
    """What is read of sessions that have something to read (b of them), newest play first.

    Shapes: sessions int32[b], which ones; rows, action int32[T, b], item rows and what the plays
    did, anything where there is no play; lengths int32[b], at least 1.
    """

    sessions: I32
    rows: I32
    action: I32
    lengths: I32


def read_plays(
    recent: I32,
    current: NDArray[np.bool_],
    end: NDArray[np.integer],
    *,
    plays_max: int,
    reads_history: bool,
) -> ReadPlays:
    """Take the newest plays of each session, without gaps.

    Shapes:
        recent: int32[n, r] item rows, newest first, -1 padded; current: bool[n, r], the play
        belongs to the current session; end: [n, r], PlayEnd
    """
    wanted = (recent >= 0) & (current | reads_history)
    newest = np.argsort(~wanted, axis=1, kind="stable")[:, :plays_max]
    lengths = np.take_along_axis(wanted, newest, axis=1).sum(axis=1, dtype=np.int32)
    sessions = np.flatnonzero(lengths).astype(np.int32)
    newest = newest[sessions, : int(lengths.max(initial=0))]
    at = sessions[:, None], newest
    action = np.where(current[at], end[at], end[at] + EARLIER)
    return ReadPlays(
        sessions=sessions,
        rows=np.ascontiguousarray(np.maximum(recent[at], 0).T),
        action=np.ascontiguousarray(action.T.astype(np.int32)),
        lengths=lengths[sessions],
    )
