"""One event of a log with its place: what the fold needs, whichever store it was read from."""

from msgspec import Struct

from service.core.events import PlaybackEvent, Record


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """An event, and where and when the log took it."""

    partition: int
    offset: int
    timestamp_ms: int  # the broker's append time; event time where no broker was
    event: PlaybackEvent

    @property
    def record(self) -> Record:
        """The record as the fold sees it: the event's bytes no longer matter."""
        return Record(self.partition, self.offset, self.timestamp_ms, None, None)


class Dead(Struct, frozen=True, gc=False):
    """A record that is no event: kept apart with the reason, never dropped."""

    source: str  # file, or topic
    partition: int
    offset: int  # of a file of lines: the line, from 1
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    kind: str  # a PoisonKind, or `bad_row`
    reason: str
