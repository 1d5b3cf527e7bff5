"""What is asked: a session so far, and what came next in it.

A query is laid out as the service sees a session: the newest plays, newest first.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.sessions.encoder import F32, Encoder
from models.sessions.read import I32, I64, SessionLog

RECENT: Final = 20
"""Newest plays of a session that neighbours and transitions look at."""


@dataclass(frozen=True)
class Queries:
    """n prefixes of sessions.

    Shapes: recent int32[n, 20] item rows, newest first, -1 padded; length int32[n] known plays;
    direction float32[n, d]; target int32[n], -1 for an item that nobody can find; session,
    user int32[n], place int32[n], plays before the target.
    """

    recent: I32
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
    def last(self) -> I32:
        """int32[n]: the newest play."""
        return self.recent[:, 0]

    def take(self, chosen: I64 | slice) -> Self:
        """Some of them."""
        return type(self)(
            self.recent[chosen],
            self.length[chosen],
            self.direction[chosen],
            self.target[chosen],
            self.session[chosen],
            self.user[chosen],
            self.place[chosen],
        )


def every_prefix(log: SessionLog, encoder: Encoder, *, withheld: int = 0) -> Queries:
    """A query for every play but the first of each session; unknown plays are not read.

    `withheld` newest plays of each prefix are hidden, never the first one.
    """
    owner, place = log.owner, log.place
    asked = np.flatnonzero(place > 0)
    newest = np.maximum(asked - 1 - withheld, log.starts[owner[asked]])
    known = log.items >= 0
    heard = np.concatenate([[0], np.cumsum(known)])
    before = heard[log.starts[owner[asked]]]  # known plays of earlier sessions
    length = (heard[newest + 1] - before).astype(np.int32)
    compact = log.items[known]
    at = (before + length - 1)[:, None] - np.arange(RECENT)
    inside = np.arange(RECENT) < length[:, None]
    lengths = heard[log.starts[1:]] - heard[log.starts[:-1]]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    pointing = encoder.encode(SessionLog(compact, starts, log.users))
    direction = np.where(length[:, None] > 0, pointing[at[:, 0]], np.float32(0))
    return Queries(
        recent=np.where(inside, compact[np.where(inside, at, 0)], -1).astype(np.int32),
        length=length,
        direction=direction.astype(np.float32),
        target=log.items[asked],
        session=owner[asked].astype(np.int32),
        user=log.users[owner[asked]],
        place=place[asked].astype(np.int32),
    )
