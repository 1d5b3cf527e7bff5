"""Dead letters: what is kept of a record that can never be processed, and why it could not."""

from typing import Final

from service.core.errors import PoisonRecord
from service.core.events import Record
from service.core.slates import DeadLetter
from service.core.wire import RECORD_MAX_BYTES

HEADERS_MAX: Final = 32
HEADER_MAX_BYTES: Final = 1024
"""A letter must fit its topic whatever the sender did: keys and headers are cut too."""


def dead_letter(record: Record, poison: PoisonRecord, topic: str, now_ms: int) -> DeadLetter:
    """Describe the record and its error; payload untouched but cut at the size limit."""
    headers = record.headers[:HEADERS_MAX]
    return DeadLetter(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=_cut(record.key, RECORD_MAX_BYTES),
        value=_cut(record.value, RECORD_MAX_BYTES),
        headers=tuple((n[:HEADER_MAX_BYTES], _cut(v, HEADER_MAX_BYTES) or b"") for n, v in headers),
        kind=poison.kind,
        message=str(poison)[:HEADER_MAX_BYTES],
        attempt=1,
        first_failed_at_ms=now_ms,
    )


def _cut(value: bytes | None, size_bytes: int) -> bytes | None:
    return value if value is None else value[:size_bytes]
