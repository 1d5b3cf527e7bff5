"""The reference consumer's rule: the highest version per user, whatever arrives."""

import random

import msgspec
import pytest

from service.client import Deleted, Newest
from service.core.events import EventId, UserId
from service.core.slates import Model, Slate, Source

V9 = (("segue.version", b"9"),)


def slate(version: int, user: str = "u1") -> bytes:
    made = Slate(
        user_id=UserId(user),
        session_id="0-1",
        version=version,
        source=Source(0, version - 1),
        state_digest="d",
        trigger_event_id=EventId("e"),
        reason="skipped",
        generated_at_ms=1,
        ttl_ms=1,
        model=Model("m", "1"),
    )
    return msgspec.json.encode(made)


def test_a_newer_slate_is_news_and_a_repetition_is_not() -> None:
    newest = Newest()
    assert isinstance(newest.take(b"u1", slate(3)), Slate)
    assert newest.take(b"u1", slate(3)) is None
    assert newest.take(b"u1", slate(2)) is None
    assert isinstance(newest.take(b"u2", slate(1, "u2")), Slate)
    assert newest.repeated_count == 2


def test_whatever_the_order_the_highest_version_is_the_last_one_seen() -> None:
    versions = [*range(50), *range(0, 50, 3)]
    random.Random(1).shuffle(versions)
    newest = Newest()
    seen = [new.version for v in versions if isinstance(new := newest.take(b"u1", slate(v)), Slate)]
    assert seen == sorted(set(seen))
    assert seen[-1] == 49


@pytest.mark.parametrize("headers", [(), V9])
def test_a_deletion_is_said_once_and_older_slates_stay_gone(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    newest = Newest()
    newest.take(b"u1", slate(3))
    assert newest.take(b"u1", None, headers) == Deleted(UserId("u1"))
    assert newest.take(b"u1", None, headers) is None
    assert newest.take(b"u1", slate(3)) is None
    assert isinstance(newest.take(b"u1", slate(10)), Slate)


def test_a_late_tombstone_does_not_delete_what_came_after_it() -> None:
    newest = Newest()
    newest.take(b"u1", slate(12))
    assert newest.take(b"u1", None, V9) is None


def test_what_is_no_slate_is_counted_and_passed_over() -> None:
    newest = Newest()
    for value in (b"{", b"[]", b'{"version": 1}', b"\xff"):
        assert newest.take(b"u1", value) is None
    assert newest.take(None, slate(1)) is None
    assert newest.unreadable_count == 5
    assert isinstance(newest.take(b"u1", slate(1)), Slate)
