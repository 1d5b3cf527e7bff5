"""A turn: the records of one poll for one user."""

from collections.abc import Sequence
from typing import Any

from service.core import events as ev
from service.core.codec import Fence, Stored
from service.core.errors import PoisonKind
from service.core.session import EMPTY
from service.core.turn import Entry, Turn, take_turn
from tests.event_makers import T0_MS, item_fact, record_of, steered, user_fact

OWNER = Fence(b"lineage1", 0, 7, -1)
U1 = ev.UserId("u1")


def entry(offset: int, kind: type[ev.ItemFact] = ev.Started, **more: Any) -> Entry:
    event = item_fact(kind, **({"event_id": f"e{offset}"} | more))
    return Entry(record_of(event, offset, partition=OWNER.partition), event)


def turn(base: Stored | None, entries: Sequence[Entry], owner: Fence = OWNER) -> Turn:
    return take_turn(U1, base, entries, owner)


def stored_after(*entries: Entry) -> Stored:
    new = turn(None, entries).new
    assert new
    return new


def test_a_first_turn_starts_from_nothing_and_ends_at_the_last_offset() -> None:
    result = turn(None, [entry(3), entry(9, ev.Skipped)])
    assert result.base is None
    assert result.new
    assert result.new.fence == Fence(b"lineage1", 0, 7, 9)
    assert result.new.state.version == 10
    assert result.reason == "skipped"
    assert result.trigger == entry(9, ev.Skipped)


def test_covered_records_are_answered_again_and_not_folded_again() -> None:
    base = stored_after(entry(3), entry(4, ev.Skipped))
    result = turn(base, [entry(3), entry(4, ev.Skipped)])
    assert result.new is None
    assert result.stored == base
    assert result.reason == "skipped"
    assert [outcome.offset for outcome in result.outcomes] == [3, 4]


def test_a_batch_partly_covered_folds_the_rest_and_answers_for_all() -> None:
    base = stored_after(entry(3, ev.Skipped))
    result = turn(base, [entry(3, ev.Skipped), entry(4)])
    assert result.new == stored_after(entry(3, ev.Skipped), entry(4))
    assert result.reason == "skipped"
    assert result.trigger == entry(3, ev.Skipped)


def test_ignored_events_are_counted_move_the_fence_and_leave_the_state() -> None:
    base = stored_after(entry(0, event_id="same"))
    late = entry(2, at_ms=T0_MS - 1)
    result = turn(base, [entry(1, event_id="same"), late])
    assert result.ignored == {"duplicate": 1, "late": 1}
    assert result.new
    assert result.new.fence.offset == 2
    assert result.new.state == base.state
    assert (result.reason, result.trigger, result.outcomes) == (None, None, ())


def test_an_ignored_event_is_never_the_trigger() -> None:
    base = stored_after(entry(0, ev.Skipped, event_id="same"))
    result = turn(base, [entry(1, ev.Skipped, event_id="same"), entry(2)])
    assert result.reason == "started"
    assert result.trigger == entry(2)


def test_what_is_older_than_a_deletion_is_counted_as_forgotten() -> None:
    deletion = user_fact(ev.UserDeleted, at_ms=T0_MS + 5, event_id="gone")
    gone = Entry(record_of(deletion, 1), deletion)
    result = turn(stored_after(entry(0)), [gone, entry(2, ev.Liked)])
    assert result.ignored == {"forgotten": 1}
    assert result.reason == "deleted"
    assert result.stored
    assert result.stored.state.is_deleted


def test_quiet_events_change_the_state_and_call_for_no_slate() -> None:
    result = turn(None, [entry(0, ev.Progressed, position_ms=5_000)])
    assert result.new
    assert result.new.state.ring[0].dwell_s == 5
    assert (result.reason, result.trigger) == (None, None)


def test_records_from_another_partition_are_misrouted_and_change_nothing() -> None:
    base = stored_after(entry(40))
    owner = Fence(b"lineage1", 2, 1, -1)
    event = item_fact(ev.Skipped, event_id="astray")
    astray = Entry(record_of(event, 99, partition=2), event)
    result = turn(base, [astray], owner)
    assert result.new is None
    assert (result.reason, result.outcomes) == (None, ())
    ((record, poison),) = result.misrouted
    assert record == astray.record
    assert poison.kind is PoisonKind.MISROUTED
    assert "partition 0" in str(poison)
    assert "murmur2" in str(poison)


def test_outcomes_carry_the_slate_an_item_came_from() -> None:
    served = ev.Served(slate_version=12, slot=3)
    asked = steered(reset=True)
    entries = [
        entry(0, ev.Completed, served=served, position_ms=9, duration_ms=10),
        Entry(record_of(asked, 1), asked),
        entry(2, ev.Skipped),
    ]
    first, second = turn(None, entries).outcomes
    assert (first.type, first.slate_version, first.slot) == ("completed", 12, 3)
    assert (first.offset, first.position_ms, first.duration_ms) == (0, 9, 10)
    assert (second.type, second.slate_version, second.slot) == ("skipped", None, None)
    assert first.session_id == "0-0"


def test_an_outcome_names_the_session_it_happened_in() -> None:
    closed = user_fact(ev.SessionEnded, event_id="closed", at_ms=T0_MS)
    result = turn(None, [entry(0, ev.Skipped), Entry(record_of(closed, 1), closed)])
    assert [outcome.session_id for outcome in result.outcomes] == ["0-0"]


def test_nothing_above_the_stored_offset_writes_nothing() -> None:
    base = Stored(Fence(b"lineage1", 0, 1, 10), EMPTY)
    assert turn(base, [entry(10)]).new is None
    assert turn(base, [entry(11)]).new
