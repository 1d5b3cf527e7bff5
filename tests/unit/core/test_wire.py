"""Both envelopes of an event. What is refused, and why, is in test_bad_records."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.core import events as ev
from service.core.errors import PoisonKind, PoisonRecord
from service.core.wire import FUTURE_MAX_MS, decode
from tests.event_makers import ITEM_FACTS, T0_MS, item_fact, record_of, steered, user_fact

BODY = {"item_id": "i1", "content_type": "music"}
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"e7",
    "ce_type": b"com.example.playback.skipped",
    "ce_time": b"2023-11-14T22:13:20.007Z",
    "ce_source": b"/players/7",
    "ce_partitionkey": b"u1",
}


def enveloped(
    body: Mapping[str, object] | None = None, headers: Mapping[str, bytes] | None = None
) -> ev.Record:
    value = msgspec.json.encode(BODY | dict(body or {}))
    return ev.Record(
        0, 0, T0_MS + 1_000, b"u1", value, tuple({**HEADERS, **(headers or {})}.items())
    )


def refusal(record: ev.Record) -> PoisonRecord:
    with pytest.raises(PoisonRecord) as caught:
        decode(record)
    return caught.value


@pytest.mark.parametrize(
    "event",
    [
        *[item_fact(kind, served=ev.Served(slate_version=4, slot=2)) for kind in ITEM_FACTS],
        steered(more_like=("i1",), source="agent"),
        user_fact(ev.SessionEnded, device="phone"),
        user_fact(ev.UserDeleted),
    ],
)
def test_a_bare_event_is_read_as_it_was_written(event: ev.PlaybackEvent) -> None:
    assert decode(record_of(event, 5)) == event


def test_a_field_nobody_knows_yet_is_passed_over() -> None:
    value = msgspec.json.encode(msgspec.to_builtins(item_fact()) | {"mood": {"new": [1]}})
    assert decode(ev.Record(0, 0, T0_MS, b"u1", value)) == item_fact()


def test_cloudevents_headers_fill_what_the_body_leaves_out() -> None:
    expected = item_fact(ev.Skipped, "i1", event_id="e7", at_ms=T0_MS + 7)
    assert decode(enveloped()) == expected


@pytest.mark.parametrize(
    ("name", "value"), [("event_id", "e8"), ("type", "liked"), ("user_id", "u2")]
)
def test_a_body_that_contradicts_its_headers_is_refused(name: str, value: str) -> None:
    poison = refusal(enveloped({name: value}))
    assert poison.kind is PoisonKind.BAD_ENVELOPE
    assert name in str(poison)


def test_a_body_that_repeats_its_headers_is_fine() -> None:
    said = {"event_id": "e7", "type": "skipped", "user_id": "u1"}
    assert decode(enveloped(said)) == decode(enveloped())


def test_the_body_s_own_time_wins_over_the_envelope_s() -> None:
    assert decode(enveloped({"at_ms": T0_MS})).at_ms == T0_MS


@pytest.mark.parametrize("ms", [0, 1, 7, 249, 501, 999])
def test_the_envelope_s_time_is_read_to_the_millisecond_in_any_zone(ms: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=T0_MS + ms)
    zone = timedelta(hours=5, minutes=30)
    local = (at + zone).replace(tzinfo=None).isoformat(timespec="milliseconds") + "+05:30"
    for text in (at.isoformat(), local):
        assert decode(enveloped(headers={"ce_time": text.encode()})).at_ms == T0_MS + ms


def test_a_time_without_a_zone_is_refused_because_its_meaning_depends_on_the_machine() -> None:
    poison = refusal(enveloped(headers={"ce_time": b"2023-11-14T22:13:20"}))
    assert poison.kind is PoisonKind.BAD_ENVELOPE
    assert "zone" in str(poison)


def test_a_header_without_a_value_is_poison_and_not_a_crash() -> None:
    record = enveloped()
    empty = (*record.headers, ("ce_id", None))
    assert refusal(msgspec.structs.replace(record, headers=empty)).kind is PoisonKind.INVALID_FIELD


def test_a_clock_may_run_ahead_by_five_minutes_and_no_more() -> None:
    ahead = item_fact(at_ms=T0_MS + FUTURE_MAX_MS)
    assert decode(record_of(ahead, 0, timestamp_ms=T0_MS)) == ahead
    assert refusal(record_of(ahead, 0, timestamp_ms=T0_MS - 1)).kind is PoisonKind.FAR_FUTURE
