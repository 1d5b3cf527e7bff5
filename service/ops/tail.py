"""One line for each record of a topic, for eyes; or one JSON object each, for programs."""

import base64
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from service.adapters.log_reader import LogReader
from service.core import events as ev
from service.core.errors import PoisonRecord
from service.core.events import Record
from service.core.slates import OutcomeBatch, Slate
from service.core.wire import decode
from service.ops.letter_book import facts_of
from service.ops.printable import printable
from service.settings import Settings

_SLATE: Final = msgspec.json.Decoder(Slate)
_OUTCOMES: Final = msgspec.json.Decoder(OutcomeBatch)
_ITEMS_SHOWN: Final = 5
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Lines = Callable[[Record, str | None], Iterator[str]]


def topic_of(settings: Settings, what: str) -> str:
    """Return the topic's name for slates, events, outcomes or dead-letters."""
    return str(getattr(settings.topics, what.replace("-", "_")))


async def tail(
    settings: Settings, what: str, *, user: str | None, from_start: bool, as_json: bool
) -> AsyncGenerator[str, None]:
    """Yield lines for ever; the caller stops when it has enough.

    Args:
        settings: Broker and topics.
        what: A key of LINES.
        user: Only what concerns this user.
        from_start: Begin with what is there already.
        as_json: Whole records as JSON; of outcomes, each by itself.
    """
    lines = JSON_LINES.get(what, _json_lines) if as_json else LINES[what]
    async with LogReader(settings.kafka.bootstrap, topic_of(settings, what)) as reader:
        async for batch in reader.follow(from_start=from_start):
            for record in batch:
                for line in lines(record, user):
                    yield line


def _slate_lines(record: Record, user: str | None) -> Iterator[str]:
    if not _is_of(record, user):
        return
    name = printable(record.key, 40)
    if record.value is None:
        yield f"{_clock(record)}  {name}  deleted: no slate any more"
        return
    try:
        slate = _SLATE.decode(record.value)
    except _UNREADABLE as error:
        yield f"{_clock(record)}  {name}  {record.where} is no slate: {printable(str(error))}"
        return
    items = " ".join(item.item_id for item in slate.items[:_ITEMS_SHOWN])
    more = f" +{len(slate.items) - _ITEMS_SHOWN}" if len(slate.items) > _ITEMS_SHOWN else ""
    degraded = f"  degraded: {','.join(slate.degraded)}" if slate.degraded else ""
    yield printable(
        f"{_clock(record)}  {name}  v{slate.version}  {slate.reason}  {items}{more}{degraded}"
        f"{_latency(record)}"
    )


def _event_lines(record: Record, user: str | None) -> Iterator[str]:
    if not _is_of(record, user):
        return
    head = f"{_clock(record)}  {printable(record.key, 40)}  {record.where}"
    try:
        event = decode(record)
    except PoisonRecord as poison:
        yield f"{head}  BAD {poison.kind}: {printable(str(poison), 200)}"
        return
    yield f"{head}  {event.__struct_config__.tag}{_about(event)}"


def _about(event: ev.PlaybackEvent) -> str:
    if isinstance(event, ev.Steered):
        return f"  {msgspec.json.encode(event.intent).decode()}"
    if not isinstance(event, ev.ItemFact):
        return ""
    served = event.served
    source = f"  from slate v{served.slate_version} slot {served.slot}" if served else ""
    return f"  {event.item_id}  {event.content_type}  at {event.position_ms / 1000:.1f} s{source}"


def _outcome_lines(record: Record, user: str | None) -> Iterator[str]:
    try:
        batch = _OUTCOMES.decode(record.value or b"")
    except _UNREADABLE as error:
        yield f"{_clock(record)}  {record.where} holds no outcomes: {printable(str(error))}"
        return
    for outcome in batch.outcomes:
        if user is None or outcome.user_id == user:
            served = "" if outcome.slate_version is None else f"  slate v{outcome.slate_version}"
            slot = "" if outcome.slot is None else f" slot {outcome.slot}"
            what = f"{outcome.user_id}  {outcome.type}  {outcome.item_id}{served}{slot}"
            yield printable(f"{_clock(record)}  {what}")


def _letter_lines(record: Record, user: str | None) -> Iterator[str]:
    if not _is_of(record, user):
        return
    facts = facts_of(record)
    where = f"{facts.get('topic')}[{facts.get('partition')}]@{facts.get('offset')}"
    yield printable(
        f"{_clock(record)}  {record.partition}@{record.offset}  {facts.get('kind')}  {where}"
        f"  {facts.get('message', '')}",
        400,
    )


def _outcome_json(record: Record, user: str | None) -> Iterator[str]:
    try:
        batch = _OUTCOMES.decode(record.value or b"")
    except _UNREADABLE:
        yield from _json_lines(record, None)
        return
    for outcome in batch.outcomes:
        if user is None or outcome.user_id == user:
            yield msgspec.json.encode(outcome).decode()


def _json_lines(record: Record, user: str | None) -> Iterator[str]:
    if _is_of(record, user):
        yield msgspec.json.encode(_as_json(record)).decode()


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {n: (v or b"").decode(errors="replace") for n, v in record.headers},
        **_value(record.value),
    }


def _value(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    try:
        return {"value": msgspec.json.decode(value)}
    except _UNREADABLE:
        return {"value_base64": base64.b64encode(value).decode()}


def _is_of(record: Record, user: str | None) -> bool:
    return user is None or record.key == user.encode()


def _clock(record: Record) -> str:
    moment = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    return moment.strftime("%H:%M:%S.%f")[:-3]


def _latency(record: Record) -> str:
    """Milliseconds from the event's append to the slate's, when both are the broker's clock."""
    appended = dict(record.headers).get("segue.appended_at_ms")
    if not appended or not appended.isdigit():
        return ""
    return f"  {max(record.timestamp_ms - int(appended), 0)} ms"


LINES: Final[dict[str, Lines]] = {
    "slates": _slate_lines,
    "events": _event_lines,
    "outcomes": _outcome_lines,
    "dead-letters": _letter_lines,
}
"""How each kind of record is told."""

JSON_LINES: Final[dict[str, Lines]] = {"outcomes": _outcome_json}
"""How records are told to programs, where it is not the record as it is."""
