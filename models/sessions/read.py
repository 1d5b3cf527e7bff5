"""Logs of any known format as sessions of item rows, in order of time.

Knows nothing of models. An item that the vocabulary does not hold is row -1: it can be asked for,
and never be found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.formats import read_log

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

UNKNOWN: Final = -1
ALIASES: Final = {"lines": "nowplaying"}
"""What a format is also called: a file of lines, a session on each."""
WITHOUT_LISTENERS: Final = ("nowplaying",)
"""Their readers make up a listener per session: two files have none in common."""


@dataclass(frozen=True)
class SessionLog:
    """Sessions one after the other, by the time of their first play.

    Shapes (n sessions, p plays): items int32[p] rows, starts int64[n + 1], users int32[n].
    """

    items: I32
    starts: I64
    users: I32

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
        items = self.items[starts[0] : starts[-1]]
        return type(self)(items, starts - starts[0], self.users[begin:end])

    def pick(self, chosen: I64) -> Self:
        """The chosen sessions, in the order given."""
        parts = [self.items[self.starts[s] : self.starts[s + 1]] for s in chosen]
        lengths = self.lengths[chosen]
        items = np.concatenate(parts) if parts else self.items[:0]
        return type(self)(items, np.concatenate([[0], np.cumsum(lengths)]), self.users[chosen])

    def arrays(self) -> list[I64]:
        """Each session's item rows."""
        return [part.astype(np.int64) for part in np.split(self.items, self.starts[1:-1])]


def session_log(
    sessions: Sequence[Sequence[int]], users: Sequence[int] | None = None
) -> SessionLog:
    """Sessions of item rows as one log; without users, each session has one of its own."""
    lengths = [len(session) for session in sessions]
    items = [row for session in sessions for row in session]
    owners = range(len(sessions)) if users is None else users
    return SessionLog(
        np.array(items, dtype=np.int32),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        np.array(owners, dtype=np.int32),
    )


class Numbering:
    """Gives ids their numbers in order of appearance, until it is closed."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._open = True

    def __len__(self) -> int:
        """How many ids have a number."""
        return len(self._rows)

    def close(self) -> None:
        """From here on, a new id is UNKNOWN."""
        self._open = False

    def row(self, name: str) -> int:
        """The number of an id."""
        if self._open:
            return self._rows.setdefault(name, len(self._rows))
        return self._rows.get(name, UNKNOWN)


def read_sessions(
    paths: Iterable[Path], log_format: str, items: Numbering, users: Numbering
) -> SessionLog:
    """Read one log, or several that follow each other in time.

    Raises:
        ValueError: A file is missing, empty or not in the format; the message says which.
    """
    sessions: list[list[int]] = []
    owners: list[int] = []
    known_format = ALIASES.get(log_format, log_format)
    for path in paths:
        mine: dict[tuple[str, str | None], list[int]] = {}
        for play in read_log(path, known_format):
            if play.heard:
                mine.setdefault((play.user, play.session), []).append(items.row(play.item))
        if not mine:
            raise ValueError(f"{path}: no plays in it; is --format right?")
        sessions += mine.values()
        prefix = f"{path} " if known_format in WITHOUT_LISTENERS else ""
        owners += [users.row(prefix + user) for user, _ in mine]
    return session_log(sessions, owners)
