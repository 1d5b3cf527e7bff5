"""A whole log as records in time order, over all its users.

An event id is a hash of what the row says, so that two logs replayed one after the other do not
share ids by accident, and one log replayed twice does share them, on purpose. A row that says
exactly the same as one before it at the same moment is told apart by a running number.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from models.data.timed import TimedEvent, timed
from models.data.translate import NewId, events_of
from models.formats import FORMATS, read_log
from models.formats.play import Play
from service.core.errors import Refused
from service.core.events import PlaybackEvent

JSONL: Final = "jsonl"
LOG_FORMATS: Final = (*FORMATS, JSONL)
_DECODER: Final = msgspec.json.Decoder(PlaybackEvent)


@dataclass
class Telling:
    """What a log came to while it was told. Read it after the last event."""

    rows: int = 0
    silent_rows: int = 0  # rows no event can express: verdicts taken back
    users: set[str] = field(default_factory=set)


def tell_log(
    path: Path, log_format: str, *, rows_max: int | None = None, telling: Telling | None = None
) -> Iterator[TimedEvent]:
    """Yield the records of a log.

    Args:
        path: The log.
        log_format: One of `LOG_FORMATS`; jsonl is a file of playback events, sent as they are.
        rows_max: Stop after so many rows.
        telling: Counts go in here.

    Raises:
        Refused: The file is missing, not in the format, or a row breaks the contract.
    """
    telling = telling or Telling()
    try:
        if log_format == JSONL:
            yield from _lines(path, rows_max, telling)
        else:
            yield from tell(islice(read_log(path, log_format), rows_max), log_format, telling)
    except (ValueError, OSError) as error:  # the readers' errors say file and column
        raise Refused(str(error)) from error


def tell(plays: Iterable[Play], name: str, telling: Telling) -> Iterator[TimedEvent]:
    """Yield the records of rows in time order; at one time, in the order of their rows."""
    pending: list[tuple[int, int, TimedEvent]] = []
    ids = _Ids(name)
    number = 0
    for play in plays:
        while pending and pending[0][0] <= play.at_ms:
            yield heappop(pending)[2]
        telling.rows += 1
        telling.users.add(play.user)
        told = _checked(play, ids.of(play), telling.rows)
        telling.silent_rows += not told
        for event in told:
            heappush(pending, (event.at_ms, number, event))
            number += 1
    while pending:
        yield heappop(pending)[2]


def _checked(play: Play, new_id: NewId, row: int) -> list[TimedEvent]:
    try:
        return [timed(event) for event in events_of(play, new_id)]
    except msgspec.ValidationError as error:
        raise Refused(
            f"row {row} of the log (user {play.user!r}, item {play.item!r}, at_ms {play.at_ms})"
            f" is no playback event: {error}"
        ) from error


class _Ids:
    """Event ids from what rows say."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._at_ms = -1
        self._seen: Counter[bytes] = Counter()  # of the present moment alone, so it stays small

    def of(self, play: Play) -> NewId:
        """Return the maker of this row's event ids."""
        if play.at_ms != self._at_ms:
            self._at_ms = play.at_ms
            self._seen.clear()
        facts = (self._name, play.user, play.item, play.at_ms, play.heard, play.liked)
        said = "|".join(map(str, facts)).encode()
        row = blake2b(said + b"|%d" % self._seen[said], digest_size=8).hexdigest()
        self._seen[said] += 1
        return lambda kind: f"{row}-{kind}"


def _lines(path: Path, rows_max: int | None, telling: Telling) -> Iterator[TimedEvent]:
    with path.open("rb") as lines:
        for number, line in enumerate(islice(lines, rows_max), start=1):
            value = line.rstrip(b"\r\n")
            try:
                event = _DECODER.decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Refused(
                    f"{path}:{number}: {error}; `segue events validate` shows every such line"
                ) from error
            telling.rows += 1
            telling.users.add(event.user_id)
            kind = str(event.__struct_config__.tag)
            yield TimedEvent(event.at_ms, event.user_id, event.event_id, kind, value)
