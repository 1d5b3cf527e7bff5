"""Each listener's plays in order of time, over all sessions and logs: what a state's ring holds.

Knows nothing of models. Plays of unknown items are left out, as the service leaves them out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.sessions.read import I8, I32, I64, SessionLog
from service.core.memory import RING_MAX, PlayEnd


@dataclass(frozen=True)
class Rings:
    """What n states hold, newest first.

    Shapes: items int32[n, 50] rows, -1 padded; current bool[n, 50], of the session that is on;
    ends int8[n, 50] (PlayEnd).
    """

    items: I32
    current: NDArray[np.bool_]
    ends: I8


@dataclass(frozen=True)
class Stream:
    """Known plays by listener, then by time.

    Shapes (k known plays, p plays of the log): items int32[k], ends int8[k], session int64[k],
    listener int32[k]; after int64[p]: known plays up to and with each play of the log, within the
    stream; of_session int64[p], of_listener int32[p].
    """

    items: I32
    ends: I8
    session: I64
    listener: I32
    after: I64
    of_session: I64
    of_listener: I32

    def up_to(self, newest: I64) -> Rings:
        """The rings right after the given plays of the log, int64[n]."""
        if not len(self.items):
            return _empty(len(newest))
        at = self.after[newest][:, None] - 1 - np.arange(RING_MAX)
        plays = np.maximum(at, 0)
        inside = (at >= 0) & (self.listener[plays] == self.of_listener[newest][:, None])
        return Rings(
            np.where(inside, self.items[plays], -1).astype(np.int32),
            inside & (self.session[plays] == self.of_session[newest][:, None]),
            np.where(inside, self.ends[plays], PlayEnd.NOTHING).astype(np.int8),
        )


def _empty(count: int) -> Rings:
    shape = (count, RING_MAX)
    return Rings(np.full(shape, -1, np.int32), np.zeros(shape, bool), np.zeros(shape, np.int8))


def stream_of(log: SessionLog, before: SessionLog | None = None) -> Stream:
    """Order the plays of a log, and of one before it, by listener and time.

    Plays of the same moment keep the order of the logs. What the earlier log holds of a later time
    (logs of parallel sessions overlap) stands where its time puts it.
    """
    logs = [log] if before is None else [before, log]
    users = np.concatenate([one.users[one.owner] for one in logs])
    at_ms = np.concatenate([one.at_ms for one in logs])
    items = np.concatenate([one.items for one in logs])
    ends = np.concatenate([one.ends for one in logs])
    number = np.concatenate([one.owner - len(one) * (one is before) for one in logs])
    order = np.lexsort((at_ms, users))  # stable: equal moments keep their order
    after = np.empty(len(order), dtype=np.int64)
    after[order] = np.cumsum(items[order] >= 0)
    known = order[items[order] >= 0]
    mine = slice(len(items) - len(log.items), None)
    return Stream(
        items=items[known],
        ends=ends[known],
        session=number[known],
        listener=users[known],
        after=after[mine],
        of_session=number[mine],
        of_listener=users[mine],
    )
