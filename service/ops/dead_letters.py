"""Dead letters: list them, look at one, send some again. A letter is named PARTITION@OFFSET.

Sending again appends the payload to the topic it came from, with its key and its own headers. The
dead letter stays where it is: the topic is a log, nothing is taken out.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from service.adapters.log_reader import LogReader
from service.adapters.record_writer import RawRecord, RecordWriter
from service.core.errors import PoisonKind, Refused
from service.core.events import Record
from service.core.slates import DEAD_LETTER_HEADERS
from service.core.wire import RECORD_MAX_BYTES
from service.ops.letter_book import facts_of
from service.ops.printable import printable
from service.settings import Settings

_PLACE: Final = re.compile(r"^(\d+)@(\d+)$")
_BATCH: Final = 200


@dataclass(slots=True)
class Listing:
    """Counts of all letters, and the newest few."""

    by_kind: Counter[str] = field(default_factory=Counter)
    newest: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Replayed:
    """What sending again did, or would do."""

    sent: Counter[str] = field(default_factory=Counter)  # by kind
    cut: int = 0  # payloads that are not whole any more: not sent
    foreign: int = 0  # letters without a topic to go back to


async def list_letters(settings: Settings, *, kind: str | None, newest_max: int) -> Listing:
    """Read the whole topic; keep the newest letters of a kind (None: of any)."""
    listing = Listing()
    async for record in _letters(settings, kind):
        listing.by_kind[facts_of(record).get("kind", "?")] += 1
        listing.newest.append(record)
        if len(listing.newest) > 2 * newest_max:
            listing.newest = _newest(listing.newest, newest_max)
    listing.newest = _newest(listing.newest, newest_max)
    return listing


async def find_letter(settings: Settings, place: str) -> Record:
    """Return the letter at PARTITION@OFFSET.

    Raises:
        Refused: Not a place, or there is nothing.
    """
    partition, offset = parse_place(place)
    async with LogReader(settings.kafka.bootstrap, settings.topics.dead_letters) as reader:
        record = await reader.read_one(partition, offset)
    if record is None:
        raise Refused(f"no dead letter at {place} of {settings.topics.dead_letters}")
    return record


async def replay(
    settings: Settings, *, kind: str | None = None, place: str | None = None, send: bool
) -> Replayed:
    """Send letters to the topics they came from; with `send` false only count.

    Raises:
        Refused: The place names no letter.
        Unavailable: The broker did not take them all; letters may have been sent twice.
    """
    done, pending = Replayed(), dict[str, list[RawRecord]]()
    async with RecordWriter(settings.kafka.bootstrap) as writer:
        async for record in _chosen(settings, kind, place):
            facts = facts_of(record)
            if not _is_whole(record, facts, done):
                continue
            done.sent[facts.get("kind", "?")] += 1
            batch = pending.setdefault(facts["topic"], [])
            batch.append(as_it_was(record))
            if len(batch) >= _BATCH:
                await _flush(writer, pending, send=send)
        await _flush(writer, pending, send=send)
    return done


def as_it_was(record: Record) -> RawRecord:
    """Return the record as its producer sent it: without what was said about it since."""
    own = tuple(header for header in record.headers if header[0] not in DEAD_LETTER_HEADERS)
    return RawRecord(record.key, record.value, own)


def parse_place(place: str) -> tuple[int, int]:
    """Read PARTITION@OFFSET.

    >>> parse_place("2@17")
    (2, 17)
    """
    found = _PLACE.match(place)
    if found is None:
        raise Refused(f"{place} is not PARTITION@OFFSET; `segue dead-letters ls` shows places")
    return int(found.group(1)), int(found.group(2))


def describe(record: Record) -> list[tuple[str, str]]:
    """Return everything about a letter as (name, text) pairs; foreign bytes are escaped."""
    facts = facts_of(record)
    own = [header for header in record.headers if header[0] not in DEAD_LETTER_HEADERS]
    return [
        ("letter", f"{record.partition}@{record.offset}"),
        *((name, printable(text)) for name, text in facts.items()),
        ("key", printable(record.key)),
        *((f"header {printable(name)}", printable(value)) for name, value in own),
        ("payload", printable(record.value)),
    ]


def age(record: Record, now_ms: int) -> str:
    """How long ago the letter was written, in the largest whole unit."""
    seconds = max(now_ms - record.timestamp_ms, 0) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def as_row(record: Record) -> dict[str, Any]:
    """Return one letter of a listing for programs."""
    return {"letter": f"{record.partition}@{record.offset}", **facts_of(record)}


async def _letters(settings: Settings, kind: str | None) -> AsyncIterator[Record]:
    async with LogReader(settings.kafka.bootstrap, settings.topics.dead_letters) as reader:
        async for batch in reader.read():
            for record in batch:
                if kind is None or facts_of(record).get("kind") == kind:
                    yield record


async def _chosen(settings: Settings, kind: str | None, place: str | None) -> AsyncIterator[Record]:
    if place is not None:
        yield await find_letter(settings, place)
        return
    async for record in _letters(settings, kind):
        yield record


def _is_whole(record: Record, facts: dict[str, str], done: Replayed) -> bool:
    if "topic" not in facts:
        done.foreign += 1
        return False
    was_cut = facts.get("kind") == PoisonKind.OVERSIZED
    if was_cut and len(record.value or b"") <= RECORD_MAX_BYTES:
        done.cut += 1
        return False
    return True


async def _flush(writer: RecordWriter, pending: dict[str, list[RawRecord]], *, send: bool) -> None:
    for topic, batch in pending.items():
        if send and batch:
            await writer.write(topic, batch)
    pending.clear()


def _newest(records: list[Record], count: int) -> list[Record]:
    return sorted(records, key=lambda record: record.timestamp_ms)[-count:]
