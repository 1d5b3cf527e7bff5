"""What is said about a line of an event file, and which record it becomes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import events as ev
from service.core.errors import Refused
from service.core.events import Record
from service.core.wire import decode
from service.ops.event_lines import Complaint, check_line, record_of_line
from service.ops.samples import sample_events
from tests.bad_records import bad_records, envelope
from tests.event_makers import T0_MS, item_fact

GOOD = msgspec.json.encode(item_fact())


def check(line: bytes) -> Complaint | None:
    return check_line(7, line, now_ms=T0_MS)


def complaint(line: bytes) -> Complaint:
    found = check(line)
    assert found is not None
    return found


def test_a_good_line_gets_no_complaint_and_its_user_as_key() -> None:
    assert check(GOOD) is None
    assert record_of_line(GOOD).key == b"u1"
    assert record_of_line(GOOD).value == GOOD


@pytest.mark.parametrize(
    ("old", "new", "field", "hint"),
    [
        (b'"started"', b'"start"', "$.type", "did you mean 'started'?"),
        (b'"started"', b'"zzz"', "$.type", "one of started, progressed"),
        (b'"music"', b'"Musik"', "$.content_type", "did you mean 'music'?"),
        (b'"item_id"', b'"itemid"', "$.item_id", "the line has 'itemid'; rename it to 'item_id'"),
        (b'"user_id"', b'"userId"', "$.user_id", "rename it to 'user_id'"),
        (b"1700000000000", b'"now"', "$.at_ms", "a whole number of milliseconds"),
        (b"1700000000000", b"1700000000000000", "$.at_ms", "a whole number of milliseconds"),
        (b'"type":"started",', b"", "$.type", "one of started"),
    ],
)
def test_a_complaint_names_the_field_and_what_is_probably_meant(
    old: bytes, new: bytes, field: str, hint: str
) -> None:
    found = complaint(GOOD.replace(old, new))
    assert (found.line, found.field) == (7, field)
    assert hint in found.suggestion
    assert str(found).startswith(f"line 7: {field}: ")


def test_a_nested_field_has_its_whole_path() -> None:
    line = GOOD.replace(b'"served":null', b'"served":{"slate_version":1,"slot":-1}')
    assert complaint(line).field == "$.served.slot"


def test_a_line_that_is_no_object_is_told_what_a_line_is() -> None:
    assert "one JSON object per line" in complaint(b"[]").suggestion


def test_every_bad_record_of_the_corpus_survives_its_envelope_and_is_complained_about() -> None:
    for bad in bad_records(now_ms=T0_MS):
        line = envelope(bad)
        raw = record_of_line(line, enveloped=True)
        assert (raw.key, raw.value, raw.headers) == (bad.key, bad.value, bad.headers)
        found = check_line(1, line, now_ms=T0_MS, enveloped=True)
        assert found is not None
        assert found.kind == bad.poison


@pytest.mark.parametrize(
    "line", [b"[]", b"{", b'{"val":1}', b'{"value_base64":"%"}', b'{"headers":1}']
)
def test_a_line_that_is_no_envelope_is_refused(line: bytes) -> None:
    with pytest.raises(Refused):
        record_of_line(line, enveloped=True)


def test_an_envelope_may_hold_an_event_a_string_or_nothing() -> None:
    assert record_of_line(b'{"value":{"a":1}}', enveloped=True).value == b'{"a":1}'
    assert record_of_line(b'{"value":"{broken","key":"k"}', enveloped=True).value == b"{broken"
    assert record_of_line(b'{"value":null}', enveloped=True).value is None


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_judged_and_never_changed(line: bytes) -> None:
    assert record_of_line(line).value == line
    check(line)


def test_there_is_a_valid_sample_of_every_event() -> None:
    samples = list(sample_events(T0_MS))
    assert {type(event) for event in samples} == set(ev.PlaybackEvent.__args__)
    for event in samples:
        line = msgspec.json.encode(event)
        assert check(line) is None
        assert decode(Record(0, 0, T0_MS, b"sample-user", line)) == event
