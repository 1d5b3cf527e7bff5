"""The control topic: the newest move of an alias holds, and nothing else on it disturbs."""

import json
from collections import Counter

import msgspec
import pytest

from service.core.control import ALIASES, AliasBook, AliasMoved, control_key, encode_move

MOVED = AliasMoved(
    name="ranker",
    alias="challenger",
    version="5c845b89e6fe",
    sequence=3,
    at_ms=1_700_000_000_000,
    by="ana",
    reason="better on 30Music",
    share=0.1,
)
KEY = control_key("challenger")


def book() -> AliasBook:
    return AliasBook("ranker")


def test_a_move_that_is_written_is_read() -> None:
    aliases = book()
    assert aliases.read(KEY, encode_move(MOVED)) == MOVED
    assert aliases.moves == {"challenger": MOVED}
    assert not aliases.ignored


def test_the_higher_sequence_holds_in_whatever_order_records_come() -> None:
    newer = msgspec.structs.replace(MOVED, sequence=4, version=None)
    aliases = book()
    assert aliases.read(KEY, encode_move(newer)) == newer
    assert aliases.read(KEY, encode_move(MOVED)) is None
    assert aliases.read(KEY, encode_move(newer)) is None
    assert aliases.moves["challenger"].version is None
    assert aliases.ignored == Counter(stale=2)


def test_aliases_are_numbered_each_by_itself() -> None:
    aliases = book()
    for alias in ALIASES:
        move = msgspec.structs.replace(MOVED, alias=alias, sequence=1)
        assert aliases.read(control_key(alias), encode_move(move)) == move
    assert len(aliases.moves) == 3


def without(field: str) -> bytes:
    content = json.loads(encode_move(MOVED))
    del content[field]
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (None, b"{}", "unknown_key"),
        (b"experiment:7", b"{}", "unknown_key"),
        (b"model:best", encode_move(MOVED), "unknown_key"),
        (b"model:\xff", encode_move(MOVED), "unknown_key"),
        (KEY, None, "tombstone"),
        (KEY, b"", "broken"),
        (KEY, b"\xff", "broken"),
        (KEY, b"[" * 100_000, "broken"),
        (KEY, without("version"), "broken"),
        (KEY, without("sequence"), "broken"),
        (KEY, encode_move(MOVED).replace(b"0.1", b"1.1"), "broken"),
        (control_key("champion"), encode_move(MOVED), "broken"),
        (KEY, encode_move(msgspec.structs.replace(MOVED, name="other")), "other_model"),
    ],
)
def test_what_is_no_news_is_counted_and_changes_nothing(
    key: bytes | None, value: bytes | None, why: str
) -> None:
    aliases = book()
    assert aliases.read(key, value) is None
    assert aliases.moves == {}
    assert aliases.ignored == {why: 1}


def test_fields_of_a_later_version_are_ignored() -> None:
    content = {**json.loads(encode_move(MOVED)), "colour": "red"}
    assert book().read(KEY, json.dumps(content).encode()) == MOVED
