"""Bytes in, events out: one record either decodes to an event or is poison, with a reason.

Two envelopes are read: the bare JSON event, and CloudEvents 1.0 in Kafka binary mode, whose `ce_*`
headers fill what the body leaves out and must agree with what it says.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec

from service.core.errors import PoisonKind, PoisonRecord
from service.core.events import PlaybackEvent, Record, Steered

RECORD_MAX_BYTES: Final = 64 * 1024
FUTURE_MAX_MS: Final = 5 * 60 * 1000
"""How far a client's clock may run ahead of the broker's; within it, event time is clamped."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT: Final = msgspec.json.Decoder(PlaybackEvent)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


def decode(record: Record) -> PlaybackEvent:
    """Return the record's event.

    Raises:
        PoisonRecord: It can never be processed; `kind` and the message say why. Dead-letter it.
    """
    value = _checked_value(record)
    event = _parse(value, record)
    _check_key(event, record)
    if event.at_ms > record.timestamp_ms + FUTURE_MAX_MS:
        ahead_s = (event.at_ms - record.timestamp_ms) // 1000
        raise PoisonRecord(
            PoisonKind.FAR_FUTURE,
            f"at_ms is {ahead_s} s ahead of the broker's clock, at most"
            f" {FUTURE_MAX_MS // 1000} s are allowed;"
            " check the client's clock and that at_ms is in milliseconds",
        )
    if isinstance(event, Steered) and event.intent.is_empty:
        raise PoisonRecord(
            PoisonKind.INVALID_FIELD, "intent asks for nothing; set at least one field"
        )
    return event


def _checked_value(record: Record) -> bytes:
    if not record.value:
        raise PoisonRecord(PoisonKind.EMPTY, "the record has no value; an event is a JSON object")
    if len(record.value) > RECORD_MAX_BYTES:
        raise PoisonRecord(
            PoisonKind.OVERSIZED, f"{len(record.value)} bytes, at most {RECORD_MAX_BYTES} are read"
        )
    if record.key is None:
        raise PoisonRecord(
            PoisonKind.NULL_KEY, "the record has no key; produce with the user id as the key"
        )
    return record.value


def _parse(value: bytes, record: Record) -> PlaybackEvent:
    try:
        if any(name.startswith("ce_") for name, _ in record.headers):
            unwrapped = _unwrap(value, dict(record.headers))
            return cast(PlaybackEvent, msgspec.convert(unwrapped, PlaybackEvent))
        return cast(PlaybackEvent, _EVENT.decode(value))
    except msgspec.ValidationError as error:
        kind = PoisonKind.UNKNOWN_TYPE if "`$.type`" in str(error) else PoisonKind.INVALID_FIELD
        raise PoisonRecord(kind, _field_message(error)) from error
    except RecursionError as error:
        raise PoisonRecord(
            PoisonKind.TOO_DEEP, "nested too deeply; an event is a flat JSON object"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PoisonRecord(PoisonKind.BROKEN_JSON, f"not JSON: {error}") from error


def _field_message(error: msgspec.ValidationError) -> str:
    text = str(error)
    if "missing required field `type`" in text:
        return "no field `type`; name the event: started, skipped, completed, ..."
    return text


def _unwrap(value: bytes, headers: Mapping[str, bytes]) -> dict[str, Any]:
    """Merge CloudEvents headers into the body (binary mode: the body is the data alone)."""
    body = _OBJECT.decode(value)
    try:
        # Kafka allows a header without a value, whatever our types say.
        said = {n: (text or b"").decode() for n, text in headers.items() if n.startswith("ce_")}
        filled = _from_headers(said)
    except (UnicodeDecodeError, ValueError) as error:
        raise PoisonRecord(
            PoisonKind.BAD_ENVELOPE, f"CloudEvents header does not parse: {error}"
        ) from error
    if said.get("ce_specversion") != "1.0":
        raise PoisonRecord(
            PoisonKind.BAD_ENVELOPE,
            f"ce_specversion is {said.get('ce_specversion')!r}; CloudEvents 1.0 is read",
        )
    for name in ("event_id", "type", "user_id"):
        if name in body and name in filled and body[name] != filled[name]:
            raise PoisonRecord(
                PoisonKind.BAD_ENVELOPE,
                f"header says {name} {filled[name]!r}, body says {body[name]!r}; they must agree",
            )
    return {**filled, **body}


def _from_headers(said: Mapping[str, str]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    if "ce_id" in said:
        filled["event_id"] = said["ce_id"]
    if "ce_type" in said:
        filled["type"] = said["ce_type"].rsplit(".", 1)[-1]  # com.example.playback.skipped
    if "ce_partitionkey" in said:
        filled["user_id"] = said["ce_partitionkey"]
    if "ce_time" in said:
        filled["at_ms"] = _unix_ms(said["ce_time"])
    return filled


def _unix_ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:  # would mean another time on every machine
        raise ValueError(f"ce_time {text!r} has no time zone; end it with Z or an offset")
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _check_key(event: PlaybackEvent, record: Record) -> None:
    assert record.key is not None
    if record.key != event.user_id.encode():
        raise PoisonRecord(
            PoisonKind.WRONG_KEY,
            f"key {record.key[:64]!r} is not the event's user {event.user_id!r};"
            " produce with the user id as the key",
        )
