"""Where a dump stands, and the writer that never leaves it between two places.

`progress.json` names, by partition, the offset to read next, and how many chunk files belong to
it. It is replaced after the files are there; files beyond it are of a run that was cut off, and
their records are read again.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from models.data.chunks import Chunks, as_row, drop_chunks
from models.data.dump_files import DEAD, DEAD_SCHEMA, EVENTS, RECORD_SCHEMA, entry_of, row_of
from models.data.entries import Dead
from service.core.errors import Refused
from service.core.events import Record

PROGRESS: Final = "progress.json"


class Progress(msgspec.Struct):
    """How far a dump has come."""

    topic: str
    offsets: dict[int, int] = {}  # by partition, the one to read next
    files: dict[str, int] = {}  # by prefix, how many chunk files are whole


def read_progress(out: Path, topic: str) -> Progress:
    """Return where the dump in a folder stands; a new one stands nowhere.

    Raises:
        Refused: It is of another topic, or no progress that can be read.
    """
    path = out / PROGRESS
    if not path.exists():
        return Progress(topic)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
    except msgspec.DecodeError as error:
        raise Refused(f"{path} cannot be read ({error}); dump into another folder") from error
    if found.topic != topic:
        raise Refused(f"{out} holds a dump of {found.topic}, not of {topic}; give another folder")
    return found


@dataclass
class DumpWriter:
    """Sorts records into events and dead ones, and writes both at once."""

    out: Path
    progress: Progress
    chunk_rows: int
    events: Chunks = field(init=False)
    graves: Chunks = field(init=False)

    def __post_init__(self) -> None:
        """Forget what was written after the last progress."""
        for prefix in (EVENTS, DEAD):
            drop_chunks(self.out, prefix, self.progress.files.get(prefix, 0))
        self.events = Chunks(self.out, EVENTS, RECORD_SCHEMA, rows=self.chunk_rows)
        self.graves = Chunks(self.out, DEAD, DEAD_SCHEMA, rows=self.chunk_rows)

    def take(self, record: Record) -> None:
        """Keep a record; write when a chunk is full."""
        entry = entry_of(record, self.progress.topic)
        size_bytes = len(record.value or b"")
        if isinstance(entry, Dead):
            self.graves.hold(as_row(entry), size_bytes)
        else:
            self.events.hold(row_of(record), size_bytes)
        self.progress.offsets[record.partition] = record.offset + 1
        if self.events.is_full or self.graves.is_full:
            self.commit()

    def commit(self) -> None:
        """Write what is held, then say so."""
        self.events.flush()
        self.graves.flush()
        self.progress.files = {EVENTS: self.events.next, DEAD: self.graves.next}
        unfinished = self.out / f"{PROGRESS}.part"
        unfinished.write_bytes(msgspec.json.encode(self.progress))
        unfinished.replace(self.out / PROGRESS)
