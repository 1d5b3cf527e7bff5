"""Event files, line by line: what is wrong with a line, and what record it becomes.

A line is one JSON event. With an envelope, a line is `{"key", "headers", "value"}` instead: `value`
is an event, a string taken as it is, or null; `value_base64` holds bytes that are not text. It
reads lines, not files, and uses the worker's own decoder.
"""

import base64
import binascii
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec

from service.adapters.record_writer import RawRecord
from service.core import events as ev
from service.core.errors import PoisonKind, PoisonRecord, Refused
from service.core.wire import decode

_PATH: Final = re.compile(r" - at `(\$[^`]*)`")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_ANY: Final = msgspec.json.Decoder()
_EVENTS: Final[dict[str, type]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(ev.PlaybackEvent)
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one line."""

    line: int
    kind: str
    field: str  # a JSON path; "$" is the whole line
    expected: str
    suggestion: str

    def __str__(self) -> str:
        """One line for people."""
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"line {self.line}: {self.field}: {self.expected}{hint}"


def check_line(
    number: int, line: bytes, *, now_ms: int, enveloped: bool = False
) -> Complaint | None:
    """Return what the worker would refuse the line for, or None when it is a good event.

    Args:
        number: Of the line, from 1.
        line: Its bytes, without the line end.
        now_ms: The broker's clock, as far as is known: what is far ahead of it is refused.
        enveloped: Whether the line is an envelope around the event.
    """
    try:
        raw = record_of_line(line, enveloped=enveloped)
    except Refused as error:
        return Complaint(number, "bad_line", "$", str(error), "")
    record = ev.Record(0, number, now_ms, raw.key, raw.value, raw.headers)
    try:
        decode(record)
    except PoisonRecord as poison:
        if poison.kind is PoisonKind.NULL_KEY and not enveloped:
            return _without_user(number, record)
        return _complaint(number, poison, raw.value)
    return None


def record_of_line(line: bytes, *, enveloped: bool = False) -> RawRecord:
    """Return the record a line is produced as. Without an envelope the bytes are not touched.

    Raises:
        Refused: An envelope that is none.
    """
    if not enveloped:
        return RawRecord(_user_of(line), line)
    envelope = _parsed(line)
    if not isinstance(envelope, dict) or not envelope.keys() <= _ENVELOPE:
        raise Refused(f"not an envelope: an object with some of {', '.join(sorted(_ENVELOPE))}")
    key, headers = envelope.get("key"), envelope.get("headers") or {}
    if not isinstance(headers, dict):
        raise Refused("headers is not an object of strings")
    return RawRecord(
        key=None if key is None else str(key).encode(),
        value=_enveloped_value(envelope),
        headers=tuple((str(name), str(text).encode()) for name, text in headers.items()),
    )


_ENVELOPE: Final = frozenset({"key", "headers", "value", "value_base64"})


def _enveloped_value(envelope: Mapping[str, Any]) -> bytes | None:
    if "value_base64" in envelope:
        try:
            return base64.b64decode(str(envelope["value_base64"]), validate=True)
        except binascii.Error as error:
            raise Refused(f"value_base64 is not base64: {error}") from error
    value = envelope.get("value")
    if value is None or isinstance(value, str):
        return None if value is None else value.encode()
    return msgspec.json.encode(value)


def _parsed(line: bytes) -> Any:
    try:
        return _ANY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"not JSON: {error}") from error


def _user_of(line: bytes) -> bytes | None:
    """The key of a line: its user id, when it has one that can be read."""
    try:
        event = _ANY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    user_id = event.get("user_id") if isinstance(event, dict) else None
    return user_id.encode() if isinstance(user_id, str) else None


def _without_user(number: int, record: ev.Record) -> Complaint:
    """No key, because the user id cannot be read: say why, not that the key is null."""
    try:
        decode(msgspec.structs.replace(record, key=b""))
    except PoisonRecord as poison:
        return _complaint(number, poison, record.value)
    raise AssertionError(f"line {number} decodes with an empty key")


def _complaint(number: int, poison: PoisonRecord, value: bytes | None) -> Complaint:
    text = str(poison)
    path = _PATH.search(text)
    missing = _MISSING.search(text)
    field = path.group(1) if path else "$"
    if missing:
        field = f"{field}.{missing.group(1)}"
    elif poison.kind is PoisonKind.FAR_FUTURE:
        field = "$.at_ms"
    elif "intent asks for nothing" in text:
        field = "$.intent"
    elif "no field `type`" in text:
        field = "$.type"
    return Complaint(number, poison.kind, field, _PATH.sub("", text), _suggestion(field, value))


def _suggestion(field: str, value: bytes | None) -> str:
    """A word that is probably meant, or what the field wants."""
    try:
        event = _ANY.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(event, dict):
        return "one JSON object per line; see `segue events sample`"
    if field == "$.type":
        return _closest(event.get("type"), list(_EVENTS))
    if field == "$.content_type":
        return _closest(event.get("content_type"), list(ev.CONTENT_TYPES))
    name = field.removeprefix("$.")
    return (_misspelt(name, event) if name not in event else "") or _HINTS.get(field, "")


_HINTS: Final = {
    "$.at_ms": "a whole number of milliseconds since 1970, at most 5 minutes ahead",
    "$.intent": 'for example {"more_like": ["item-id"]} or {"exclude_types": ["podcast"]}',
}


def _closest(given: object, known: list[str]) -> str:
    near = difflib.get_close_matches(str(given).lower(), known, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"


def _misspelt(missing: str, event: Mapping[str, Any]) -> str:
    """A missing field is often there under another name."""
    kind = _EVENTS.get(str(event.get("type")))
    known = {field.name for field in msgspec.structs.fields(kind)} if kind else set()
    extra = [name for name in event if name not in known and name != "type"]
    near = difflib.get_close_matches(missing, extra, n=1, cutoff=0.5)
    return f"the line has {near[0]!r}; rename it to {missing!r}" if near else ""
