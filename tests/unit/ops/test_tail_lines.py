"""How records read on a terminal."""

from typing import Any

import msgspec
import pytest

from service.core.events import Record
from service.core.slates import DEAD_LETTER_HEADERS
from service.ops.dead_letters import age, as_it_was, describe, parse_place
from service.ops.printable import printable
from service.ops.tail import JSON_LINES, LINES, _json_lines
from tests.bad_records import bad_records
from tests.event_makers import T0_MS, item_fact, record_of
from tests.unit.ops.test_ledger import sound_run

SLATE = {
    "user_id": "u1",
    "session_id": "0-1",
    "version": 8,
    "source": {"partition": 0, "offset": 7},
    "state_digest": "0" * 16,
    "trigger_event_id": "e1",
    "reason": "skipped",
    "generated_at_ms": T0_MS,
    "ttl_ms": 1,
    "model": {"name": "ranker", "version": "1"},
    "items": [
        {
            "item_id": f"i{n}",
            "content_type": "music",
            "rank": n,
            "score": 1.0,
            "heads": {},
            "source": "x",
        }
        for n in range(7)
    ],
}


def read(what: str, record: Record, user: str | None = None) -> list[str]:
    return list(LINES[what](record, user))


def record(value: Any, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    encoded = None if value is None else msgspec.json.encode(value)
    return Record(0, 5, T0_MS + 21, b"u1", encoded, headers)


def test_a_slate_is_one_line_with_its_first_items_and_how_long_it_took() -> None:
    (line,) = read("slates", record(SLATE, (("segue.appended_at_ms", b"%d" % T0_MS),)))
    assert line == "22:13:20.021  u1  v8  skipped  i0 i1 i2 i3 i4 +2  21 ms"


def test_a_null_slate_says_that_the_user_is_gone() -> None:
    assert "deleted" in read("slates", record(None))[0]


def test_an_event_and_a_bad_event_are_told_apart() -> None:
    (good,) = read("events", record_of(item_fact(), 3))
    assert good.endswith("u1  [0]@3  started  i1  music  at 0.0 s")
    (bad,) = read("events", Record(0, 3, T0_MS, b"u1", b"{", ()))
    assert "BAD broken_json" in bad


@pytest.mark.parametrize("what", LINES)
def test_no_payload_breaks_a_line_or_drives_the_terminal(what: str) -> None:
    for bad in bad_records():
        hostile = Record(0, 0, T0_MS, bad.key, bad.value, bad.headers)
        for line in (*read(what, hostile), *_json_lines(hostile, None)):
            assert line.isprintable()


def test_only_the_asked_for_user_is_shown() -> None:
    assert read("events", record_of(item_fact(), 3), "u2") == []
    assert len(read("events", record_of(item_fact(), 3), "u1")) == 1


def test_outcomes_are_told_one_by_one() -> None:
    outcome = {
        "user_id": "u1",
        "session_id": "s",
        "event_id": "e",
        "offset": 1,
        "type": "skipped",
        "item_id": "i1",
        "content_type": "music",
        "at_ms": 1,
        "slate_version": 4,
        "slot": 2,
    }
    batch = {
        "partition": 0,
        "model": SLATE["model"],
        "outcomes": [outcome, outcome | {"user_id": "u2"}],
    }
    assert len(read("outcomes", record(batch))) == 2
    (line,) = read("outcomes", record(batch), "u2")
    assert line.endswith("u2  skipped  i1  slate v4 slot 2")
    (told,) = JSON_LINES["outcomes"](record(batch), "u2")
    assert msgspec.json.decode(told)["user_id"] == "u2"


def test_a_dead_letter_is_shown_with_everything_and_sent_again_as_it_was() -> None:
    letter = next(r for r in sound_run().letters if r.value == b"{broken")
    shown = dict(describe(letter))
    assert shown["kind"] == "broken_json"
    assert shown["payload"] == "{broken"
    again = as_it_was(letter)
    assert (again.key, again.value) == (b"u0", b"{broken")
    assert not [name for name, _ in again.headers if name in DEAD_LETTER_HEADERS]
    (line,) = read("dead-letters", letter)
    assert "broken_json" in line


def test_places_and_ages_read_as_they_are_written() -> None:
    assert parse_place("2@17") == (2, 17)
    assert age(record(None), T0_MS + 21 + 3 * 3600 * 1000) == "3 h"


def test_control_characters_are_escaped_and_long_payloads_cut() -> None:
    assert printable(b"\x1b[31mred\n\xff") == "\\x1b[31mred\\n\\xff"
    assert printable("x" * 12, 10) == "xxxxxxxxxx ... 2 more"
    assert printable(None) == "null"
