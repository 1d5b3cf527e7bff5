"""Logs of any known format as sessions of item rows, in order of time.

Knows nothing of models. An item that the vocabulary does not hold is row -1: it can be asked for,
and never be found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.formats import read_log
from models.formats.play import Play
from service.core.events import CONTENT_TYPES
from service.core.memory import PlayEnd

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

UNKNOWN: Final = -1
ALIASES: Final = {"lines": "nowplaying"}
"""What a format is also called: a file of lines, a session on each."""
SKIP_MAX_S: Final = 30.0
SKIP_MAX_SHARE: Final = 0.5
WITHOUT_LISTENERS: Final = ("nowplaying",)
"""Their readers make up a listener per session: two files have none in common."""


@dataclass(frozen=True)
class SessionLog:
    """Sessions one after the other, by the time of their first play.

    Shapes (n sessions, p plays): items int32[p] rows, starts int64[n + 1], users int32[n], ends
    int8[p] what became of each play (PlayEnd), at_ms int64[p] when it began.
    """

    items: I32
    starts: I64
    users: I32
    ends: I8
    at_ms: I64

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self.users)

    @property
    def lengths(self) -> I64:
        """int64[n]: plays of each session."""
        return np.diff(self.starts)

    @property
    def owner(self) -> I64:
        """int64[p]: the session of each play."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def place(self) -> I64:
        """int64[p]: the place of each play within its session, from 0."""
        return np.arange(len(self.items)) - np.repeat(self.starts[:-1], self.lengths)

    def between(self, begin: int, end: int) -> Self:
        """Sessions `begin` to `end`, the latter not included."""
        starts = self.starts[begin : end + 1]
        plays = slice(int(starts[0]), int(starts[-1]))
        return type(self)(
            self.items[plays],
            starts - starts[0],
            self.users[begin:end],
            self.ends[plays],
            self.at_ms[plays],
        )

    def pick(self, chosen: I64) -> Self:
        """The chosen sessions, in the order given."""
        lengths = self.lengths[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        plays = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return type(self)(
            self.items[plays], starts, self.users[chosen], self.ends[plays], self.at_ms[plays]
        )

    def arrays(self) -> list[I64]:
        """Each session's item rows."""
        return [part.astype(np.int64) for part in np.split(self.items, self.starts[1:-1])]


@dataclass(slots=True)
class _Session:
    """A session while its file is read."""

    rows: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)


def session_log(
    sessions: Sequence[Sequence[int]],
    users: Sequence[int] | None = None,
    ends: Sequence[Sequence[int]] | None = None,
) -> SessionLog:
    """Sessions of item rows as one log, one play after the other.

    Without users, each session has one of its own; without ends, all plays are completed.
    """
    items = [row for session in sessions for row in session]
    known_ends = (
        [int(PlayEnd.COMPLETED)] * len(items)
        if ends is None
        else [end for session in ends for end in session]
    )
    owners = range(len(sessions)) if users is None else users
    return SessionLog(
        np.array(items, dtype=np.int32),
        _starts([len(session) for session in sessions]),
        np.array(owners, dtype=np.int32),
        np.array(known_ends, dtype=np.int8),
        np.arange(len(items), dtype=np.int64),
    )


def _starts(lengths: Sequence[int]) -> I64:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


class Numbering:
    """Gives ids their numbers in order of appearance, until it is closed.

    `kinds` is the content type of each, by its first appearance.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._open = True
        self.kinds: list[int] = []

    @classmethod
    def of(cls, names: Sequence[str], kinds: Sequence[int]) -> Self:
        """Ids that have their numbers already; a new one is UNKNOWN."""
        numbering = cls()
        numbering._rows = {name: number for number, name in enumerate(names)}
        numbering.kinds = list(kinds)
        numbering.close()
        return numbering

    def __len__(self) -> int:
        """How many ids have a number."""
        return len(self._rows)

    def close(self) -> None:
        """From here on, a new id is UNKNOWN."""
        self._open = False

    @property
    def names(self) -> list[str]:
        """The ids, by number."""
        return list(self._rows)

    def row(self, name: str, kind: str = CONTENT_TYPES[0]) -> int:
        """The number of an id."""
        found = self._rows.get(name, UNKNOWN)
        if found == UNKNOWN and self._open:
            found = self._rows[name] = len(self._rows)
            self.kinds.append(CONTENT_TYPES.index(kind))
        return found


def read_sessions(
    paths: Iterable[Path], log_format: str, items: Numbering, users: Numbering
) -> SessionLog:
    """Read one log, or several that follow each other in time.

    Raises:
        ValueError: A file is missing, empty or not in the format; the message says which.
    """
    sessions: list[_Session] = []
    owners: list[int] = []
    known_format = ALIASES.get(log_format, log_format)
    for path in paths:
        mine: dict[tuple[str, str | None], _Session] = {}
        for play in read_log(path, known_format):
            if play.heard:
                session = mine.setdefault((play.user, play.session), _Session())
                session.rows.append(items.row(play.item, play.content_type))
                session.ends.append(int(end_of(play)))
                session.at_ms.append(play.at_ms)
        if not mine:
            raise ValueError(f"{path}: no plays in it; is --format right?")
        sessions += mine.values()
        prefix = f"{path} " if known_format in WITHOUT_LISTENERS else ""
        owners += [users.row(prefix + user) for user, _ in mine]
    return SessionLog(
        np.array([row for one in sessions for row in one.rows], dtype=np.int32),
        _starts([len(one.rows) for one in sessions]),
        np.array(owners, dtype=np.int32),
        np.array([end for one in sessions for end in one.ends], dtype=np.int8),
        np.array([at for one in sessions for at in one.at_ms], dtype=np.int64),
    )


def end_of(play: Play) -> PlayEnd:
    """What became of a play; one that a log does not tell of counts as completed.

    A play of less than half a minute and less than half of the item is a skip.
    """
    if play.end is not None:
        return PlayEnd(play.end)
    if play.played_s is None or play.played_s >= SKIP_MAX_S:
        return PlayEnd.COMPLETED
    if play.duration_s and play.played_s >= SKIP_MAX_SHARE * play.duration_s:
        return PlayEnd.COMPLETED
    return PlayEnd.SKIPPED
