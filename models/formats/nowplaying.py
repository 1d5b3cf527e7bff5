"""#nowplaying sessions: one session a line, item ids separated by spaces, lines in time order.

The log has neither users nor times. Each line is taken as a user of its own; sessions begin a
second apart and plays follow three minutes apart, so that the order of the file is the order of
time.
"""

import gzip
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import IO, Final

from models.formats.play import Play

LINES_APART_MS: Final = 1_000
PLAYS_APART_MS: Final = 180_000
BEGIN_MS: Final = 1_400_000_000_000


def read(path: Path) -> Iterator[Play]:
    """Yield plays in (made up) time order."""
    pending: list[tuple[int, int, int, str]] = []
    with _open(path) as lines:
        for number, line in enumerate(lines):
            begin_ms = BEGIN_MS + number * LINES_APART_MS
            while pending and pending[0][0] < begin_ms:
                yield _play(*heappop(pending))
            for place, item in enumerate(line.split()):
                at_ms = begin_ms + place * PLAYS_APART_MS
                heappush(pending, (at_ms, number, place, _item(path, number, item)))
    while pending:
        yield _play(*heappop(pending))


def _open(path: Path) -> IO[str]:
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def _item(path: Path, number: int, item: str) -> str:
    if not item.isdigit():
        place = f"{path}:{number + 1}"
        raise ValueError(f"{place}: {item[:40]!r} is not an item number; is --format right?")
    return item


def _play(at_ms: int, number: int, place: int, item: str) -> Play:
    return Play(user=f"line-{number}", item=item, at_ms=at_ms, session=str(number))
