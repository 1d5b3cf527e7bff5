"""The path of one event, hop by hop, as the headers of its slate tell it.

    sent > appended > polled > (stored beside ranked) > published > received

Every header is optional: a producer or worker that does not stamp leaves a gap, never an error.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from service.core.events import Record

MS_NS: Final = 1_000_000
_DIGITS_MAX: Final = 20

SENT: Final = "segue.sent_at_ns"
APPENDED: Final = "segue.appended_at_ms"
POLLED: Final = "segue.polled_at_ns"
STORED: Final = "segue.stored_at_ns"
RANKED: Final = "segue.ranked_at_ns"
TRACEPARENT: Final = "traceparent"
VERSION: Final = "segue.version"  # on tombstones, which have no body to carry it


class Trace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When event and slate passed each place; Unix nanoseconds, the broker's in milliseconds."""

    sent_at_ns: int | None = None  # a producer handed the event to Kafka
    appended_at_ms: int | None = None  # the broker had it
    polled_at_ns: int | None = None  # a worker read it
    stored_at_ns: int | None = None  # the state was written
    ranked_at_ns: int | None = None  # the slate was ranked, beside the write
    published_at_ms: int | None = None  # the slate's own record was made
    received_at_ns: int | None = None  # this API process read the slate
    partition: int | None = None  # of the slate's record
    offset: int | None = None
    traceparent: str | None = None


def trace_of(record: Record, received_at_ns: int) -> Trace:
    """Read the hop timings from a slate's record."""
    return Trace(
        sent_at_ns=int_header(record.headers, SENT),
        appended_at_ms=int_header(record.headers, APPENDED),
        polled_at_ns=int_header(record.headers, POLLED),
        stored_at_ns=int_header(record.headers, STORED),
        ranked_at_ns=int_header(record.headers, RANKED),
        published_at_ms=record.timestamp_ms if record.timestamp_ms >= 0 else None,
        received_at_ns=received_at_ns,
        partition=record.partition,
        offset=record.offset,
        traceparent=_text(record.headers, TRACEPARENT),
    )


def int_header(headers: Sequence[tuple[str, bytes]], name: str) -> int | None:
    """Return a header's ASCII decimal, or None when it is missing or is none."""
    text = _text(headers, name)
    if text is None or not text.isdecimal() or len(text) > _DIGITS_MAX:
        return None
    return int(text)


def _text(headers: Sequence[tuple[str, bytes]], name: str) -> str | None:
    for key, value in headers:
        if key == name:
            return value.decode("ascii", "replace") if value else None
    return None
