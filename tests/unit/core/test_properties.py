"""What holds after any events at all: cuts, redelivery, retries, bounds, round trips."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from service.core import events as ev
from service.core.codec import Fence, Stored, decode_stored, digest, encode_stored
from service.core.session import EMPTY, STATE_MAX_BYTES, Effect, SessionState, fold
from service.core.steering import ANCHORS_MAX, LESS_ARTISTS_MAX
from service.core.turn import Entry, take_turn
from tests.event_makers import ITEM_FACTS, events, item_fact, record_of, steered

U1 = ev.UserId("u1")
OWNER = Fence(b"lineage1", 0, 1, -1)
logs = st.lists(st.tuples(events(), st.integers(1, 3), st.integers(-400, 400)), max_size=60)


def entries_of(log: Sequence[Any]) -> list[Entry]:
    """The log as records: offsets grow with gaps, the broker's clock and the client's differ."""
    offset, entries = -1, []
    for event, step, skew_s in log:
        offset += step
        record = record_of(event, offset, timestamp_ms=event.at_ms + skew_s * 1000)
        entries.append(Entry(record, event))
    return entries


def through_the_store(stored: Stored | None) -> Stored | None:
    return stored and decode_stored(encode_stored(stored))


def taken(base: Stored | None, entries: Sequence[Entry]) -> Stored | None:
    if not entries:
        return base
    return through_the_store(take_turn(U1, base, entries, OWNER).stored)


def whole(log: Sequence[Entry]) -> SessionState:
    state = EMPTY
    for entry in log:
        state, _ = fold(state, entry.event, entry.record)
    return state


@given(logs, st.lists(st.integers(0, 60), max_size=8))
def test_batch_boundaries_do_not_matter(log: list[Any], cuts: list[int]) -> None:
    entries = entries_of(log)
    edges = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    stored = None
    for start, end in pairwise(edges):
        stored = taken(stored, entries[start:end])
    state = stored.state if stored else EMPTY
    assert state == whole(entries)
    assert digest(state) == digest(whole(entries))


@given(logs, st.integers(0, 60), st.integers(0, 60))
def test_redelivery_of_any_suffix_changes_nothing(log: list[Any], start: int, more: int) -> None:
    entries = entries_of(log)
    stored = taken(None, entries)
    assert taken(stored, entries[start:]) == stored
    assert taken(taken(stored, entries[start:]), entries[more:]) == stored


@given(logs, st.integers(0, 60), st.integers(0, 60))
def test_a_redelivery_that_goes_on_ends_where_a_single_delivery_does(
    log: list[Any], done: int, back: int
) -> None:
    entries = entries_of(log)
    stored = taken(None, entries[:done])
    resumed = taken(stored, entries[max(0, min(done, len(entries)) - back) :])
    assert (resumed.state if resumed else EMPTY) == whole(entries)


@given(logs, st.data())
def test_a_retried_event_changes_nothing(log: list[Any], data: st.DataObject) -> None:
    entries = entries_of(log)  # at most 60, so that every id is still known
    counted = since_deletion(entries)
    assume(counted)
    again = data.draw(st.sampled_from(counted))
    state = whole(entries)
    later_ms = max(entry.record.timestamp_ms for entry in entries) + 1_000
    retry = record_of(again, state.version + 5, timestamp_ms=later_ms)
    assert fold(state, again, retry)[0] is state


def since_deletion(entries: Sequence[Entry]) -> list[ev.PlaybackEvent]:
    """The events that were applied since the user was last deleted."""
    state = EMPTY
    counted: list[ev.PlaybackEvent] = []
    for entry in entries:
        state, effect = fold(state, entry.event, entry.record)
        if isinstance(entry.event, ev.UserDeleted) and effect is Effect.APPLIED:
            counted = []
        elif effect is Effect.APPLIED:
            counted.append(entry.event)
    return counted


@given(logs)
def test_versions_grow_with_every_applied_event_and_with_no_other(log: list[Any]) -> None:
    state = EMPTY
    for entry in entries_of(log):
        after, effect = fold(state, entry.event, entry.record)
        if effect is Effect.APPLIED:
            assert after.version == entry.record.offset + 1 > state.version
            assert after.source_offset == entry.record.offset
        else:
            assert after is state
        state = after


@given(logs)
def test_time_never_runs_back_or_ahead_of_the_broker(log: list[Any]) -> None:
    state, broker_ms = EMPTY, 0
    for entry in entries_of(log):
        after, _ = fold(state, entry.event, entry.record)
        broker_ms = max(broker_ms, entry.record.timestamp_ms)
        if not after.is_deleted and not state.is_deleted:
            assert after.last_at_ms >= state.last_at_ms
        assert after.last_at_ms <= broker_ms
        state = after


@given(logs, st.binary(min_size=8, max_size=8), st.integers(0, 2**31), st.integers(0, 2**60))
def test_what_is_encoded_is_decoded(
    log: list[Any], lineage: bytes, partition: int, epoch: int
) -> None:
    entries = entries_of(log)
    stored = Stored(Fence(lineage, partition, epoch, len(log)), whole(entries))
    value = encode_stored(stored)
    assert decode_stored(value) == stored
    assert encode_stored(decode_stored(value)) == value


@given(logs)
def test_a_state_is_bounded_after_any_events(log: list[Any]) -> None:
    stored = taken(None, entries_of(log))
    assert not stored or len(encode_stored(stored)) <= STATE_MAX_BYTES


def test_a_state_is_bounded_with_the_longest_ids_and_the_largest_numbers() -> None:
    def long(prefix: str, n: int) -> str:
        return f"{prefix}{n}".ljust(128, ".")

    state, offset = EMPTY, 2**50
    for n in range(120):
        wide = "\N{MUSICAL SYMBOL G CLEF}" * 124
        asks = steered(
            more_like=tuple(f"{wide}{n:04d}"[:128] for n in range(n, n + ANCHORS_MAX)),
            less_artists=tuple(f"{wide}{n:04d}"[:128] for n in range(n, n + LESS_ARTISTS_MAX)),
            exclude_types=ev.CONTENT_TYPES,
        )
        facts = [
            item_fact(
                kind,
                long("i", n),
                artist_id=long("a", n),
                at_ms=ev.TIME_MAX_MS,
                position_ms=ev.TIME_MAX_MS,
                content_type="audiobook",
            )
            for kind in ITEM_FACTS
        ]
        for event in (*facts, asks):
            offset += 1
            own = replace(event, event_id=long("e", offset))
            state, _ = fold(state, own, record_of(own, offset, timestamp_ms=ev.TIME_MAX_MS))
    size = len(encode_stored(Stored(Fence(b"lineage1", 2**31, 2**60, offset), state)))
    assert STATE_MAX_BYTES * 3 // 4 < size <= STATE_MAX_BYTES


def test_a_usual_state_is_small() -> None:
    facts = [
        item_fact(
            ev.Started if n % 2 else ev.Skipped, f"track-{n:08d}", artist_id=f"artist-{n % 30:06d}"
        )
        for n in range(300)
    ]
    state = whole(
        entries_of([(replace(fact, event_id=f"e{n}"), 1, 0) for n, fact in enumerate(facts)])
    )
    assert len(encode_stored(Stored(OWNER, state))) < 3 * 1024
