"""An event dressed for the log: plain JSON body, CloudEvents 1.0 headers, the time it was sent."""

import re
from datetime import UTC, datetime
from typing import Final

import orjson

from service.api.intake import Fields
from service.api.ports import Outgoing
from service.api.problems import Problem
from service.api.trace import SENT, TRACEPARENT
from service.core.events import UserId
from service.core.wire import RECORD_MAX_BYTES

SOURCE: Final = "segue/api"
_TRACEPARENT: Final = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


def trace_parent(header: str | None) -> bytes | None:
    """Return a well-formed `traceparent`, or None: a broken one would break the trace of others."""
    return header.encode() if header and _TRACEPARENT.match(header) else None


def outgoing(fields: Fields, sent_at_ns: int, parent: bytes | None = None) -> Outgoing:
    """Write a validated event as a record.

    Raises:
        Problem: It is larger than a worker reads; 413.
    """
    value = orjson.dumps(fields)
    if len(value) > RECORD_MAX_BYTES:
        raise Problem(413, f"an event of {len(value)} bytes; at most {RECORD_MAX_BYTES} are read")
    said = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": fields["event_id"],
        "ce_source": SOURCE,
        "ce_type": f"segue.playback.{fields['type']}",
        "ce_time": _rfc3339(fields["at_ms"]),
        "ce_partitionkey": fields["user_id"],
        SENT: str(sent_at_ns),
    }
    headers = [(name, text.encode()) for name, text in said.items()]
    if parent is not None:
        headers.append((TRACEPARENT, parent))
    return Outgoing(UserId(fields["user_id"]), value, tuple(headers))


def _rfc3339(at_ms: int) -> str:
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
