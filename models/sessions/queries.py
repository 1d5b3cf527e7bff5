"""What is asked: a listener's plays so far, and what came next.

A query is laid out as the service sees a listener: the newest plays, newest first, those of
earlier sessions behind those of this one.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.sessions.encoder import F32, Pointing
from models.sessions.history import stream_of
from models.sessions.read import I8, I32, I64, SessionLog

RECENT: Final = 20
"""Newest plays of a session that neighbours and transitions look at."""


@dataclass(frozen=True)
class Queries:
    """n prefixes of sessions.

    Shapes: recent int32[n, 50] item rows of the listener, newest first, -1 padded; current
    bool[n, 50] whether the play belongs to this session; end int8[n, 50] what became of it
    (PlayEnd); length int32[n] known plays of this session; direction float32[n, d]; target
    int32[n], -1 for an item that nobody can find; session, user int32[n], place int32[n], plays
    before the target.
    """

    recent: I32
    current: NDArray[np.bool_]
    end: I8
    length: I32
    direction: F32
    target: I32
    session: I32
    user: I32
    place: I32

    def __len__(self) -> int:
        """How many queries there are."""
        return len(self.target)

    @property
    def of_session(self) -> I32:
        """int32[n, 20]: the newest plays, -1 in place of those of earlier sessions."""
        newest = slice(None), slice(RECENT)
        return np.where(self.current[newest], self.recent[newest], np.int32(-1))

    @property
    def last(self) -> I32:
        """int32[n]: the newest play of the session."""
        return np.where(self.current[:, 0], self.recent[:, 0], np.int32(-1))

    def take(self, chosen: I64 | slice) -> Self:
        """Some of them."""
        return type(self)(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})


def every_prefix(
    log: SessionLog,
    encoder: Pointing | None,
    *,
    before: SessionLog | None = None,
    withheld: int = 0,
) -> Queries:
    """A query for every play but the first of each session; unknown plays are not read.

    Without an encoder, directions have no columns: for recommenders that need none.

    `before` is a log whose listeners may be the same: their plays come first. `withheld` newest
    plays of each prefix are hidden, never the session's first one.
    """
    owner, place = log.owner, log.place
    asked = np.flatnonzero(place > 0)
    newest = np.maximum(asked - 1 - withheld, log.starts[owner[asked]])
    heard = np.concatenate([[0], np.cumsum(log.items >= 0)])
    ring = stream_of(log, before).up_to(newest)
    return Queries(
        recent=ring.items,
        current=ring.current,
        end=ring.ends,
        length=(heard[newest + 1] - heard[log.starts[owner[asked]]]).astype(np.int32),
        direction=(
            encoder.encode(ring.items, ring.current, ring.ends)
            if encoder
            else np.empty((len(asked), 0), np.float32)
        ),
        target=log.items[asked],
        session=owner[asked].astype(np.int32),
        user=log.users[owner[asked]],
        place=place[asked].astype(np.int32),
    )
