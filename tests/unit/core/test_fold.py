"""The fold: sessions and time, duplicates, deletion."""

from typing import Any

import pytest

from service.core import events as ev
from service.core.memory import HASH_BYTES
from service.core.session import EMPTY, GAP_MS, QUIET, Effect, SessionState, fold, is_quiet
from service.core.steering import SteerIntent
from tests.event_makers import ITEM_FACTS, T0_MS, folded, item_fact, record_of, steered, user_fact

HOUR_MS = 3_600_000
WISHES: list[type[ev.ItemFact]] = [ev.Liked, ev.Disliked, ev.Saved]
REPORTS = [kind for kind in ITEM_FACTS if kind not in WISHES]


def at(after_ms: int, kind: type[ev.ItemFact] = ev.Started, item: str = "i1", **more: Any) -> Any:
    return item_fact(kind, item, at_ms=T0_MS + after_ms, **more)


def more(
    state: SessionState, event: ev.PlaybackEvent, broker_ms: int | None = None
) -> tuple[SessionState, Effect]:
    return fold(state, event, record_of(event, state.version, timestamp_ms=broker_ms))


def test_silence_of_exactly_the_gap_continues_the_session() -> None:
    first = folded(at(0))
    second = folded(at(GAP_MS, item="i2"), state=first)
    assert second.session_id == first.session_id
    assert second.session_len == 2


def test_silence_longer_than_the_gap_starts_a_new_session() -> None:
    first = folded(at(0))
    second = folded(at(GAP_MS + 1, item="i2"), state=first)
    assert second.session_id == "0-1" != first.session_id
    assert (second.session_len, len(second.ring)) == (1, 2)
    assert second.started_at_ms == T0_MS + GAP_MS + 1


def test_the_gap_is_measured_from_the_newest_event_not_the_first() -> None:
    state = folded(at(0), at(GAP_MS), at(2 * GAP_MS))
    assert state.session_id == "0-0"


def test_a_session_is_named_after_the_record_that_opened_it() -> None:
    event = at(0)
    state, _ = fold(EMPTY, event, record_of(event, 41, partition=3))
    assert state.session_id == "3-41"


def test_a_client_clock_that_runs_ahead_is_held_to_the_broker_s() -> None:
    state, _ = more(EMPTY, at(HOUR_MS), broker_ms=T0_MS)
    assert state.last_at_ms == state.started_at_ms == T0_MS
    assert state.ring[0].at_s == T0_MS // 1000


def test_a_client_clock_that_runs_behind_is_believed() -> None:
    state, _ = more(EMPTY, at(0), broker_ms=T0_MS + HOUR_MS)
    assert state.last_at_ms == T0_MS


@pytest.mark.parametrize("kind", ITEM_FACTS)
def test_a_late_event_within_the_session_counts_but_leaves_its_clock(
    kind: type[ev.ItemFact],
) -> None:
    before = folded(at(0), at(10_000, item="i2"))
    after, effect = more(before, at(5_000, kind, "i3", event_id="late"))
    assert effect is Effect.APPLIED
    assert after.last_at_ms == before.last_at_ms
    assert after.session_id == before.session_id
    assert after.ring[-1].item_id == "i3"


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_from_before_the_session_is_ignored(kind: type[ev.ItemFact]) -> None:
    before = folded(at(0))
    assert more(before, at(-1, kind, event_id="late")) == (before, Effect.LATE)


@pytest.mark.parametrize("kind", WISHES)
def test_a_wish_from_before_the_session_counts_without_moving_it(kind: type[ev.ItemFact]) -> None:
    before = folded(at(0))
    after, effect = more(before, at(-HOUR_MS, kind, event_id="late"))
    assert effect is Effect.APPLIED
    assert after.items[-1].item_id == "i1"
    assert (after.session_id, after.started_at_ms, after.last_at_ms) == (
        before.session_id,
        before.started_at_ms,
        before.last_at_ms,
    )


def test_steering_from_before_the_session_counts() -> None:
    intent = SteerIntent(exclude_types=("video",))
    late = user_fact(ev.Steered, event_id="late", at_ms=T0_MS - HOUR_MS, intent=intent)
    after, effect = more(folded(at(0)), late)
    assert effect is Effect.APPLIED
    assert after.steering.exclude_types == ("video",)


def test_an_event_id_counts_once_whatever_else_the_retry_says() -> None:
    before, _ = more(EMPTY, at(0, event_id="same"))
    retry = at(60_000, ev.Liked, "i9", event_id="same")
    assert more(before, retry) == (before, Effect.DUPLICATE)


def test_a_retry_is_known_while_sixty_three_others_came_after_it() -> None:
    state, _ = more(EMPTY, at(0, event_id="first"))
    for n in range(63):
        state, _ = more(state, at(n, event_id=f"e{n}"))
    assert len(state.event_ids) == 64 * HASH_BYTES
    assert more(state, at(0, event_id="first"))[1] is Effect.DUPLICATE


def test_the_sixty_fifth_event_id_forgets_the_first() -> None:
    state, _ = more(EMPTY, at(0, event_id="first"))
    for n in range(64):
        state, _ = more(state, at(n, event_id=f"e{n}"))
    assert len(state.event_ids) == 64 * HASH_BYTES
    assert more(state, at(0, event_id="first"))[1] is Effect.APPLIED


def test_deletion_leaves_a_tombstone_and_nothing_else() -> None:
    full = folded(at(0, artist_id="a1"), at(1, ev.Liked), steered(exclude_types=("video",)))
    gone, effect = more(full, user_fact(ev.UserDeleted, at_ms=T0_MS + 5))
    assert effect is Effect.APPLIED
    assert gone.is_deleted
    kept = SessionState(
        version=full.version + 1,
        source_offset=full.version,
        deleted_at_ms=T0_MS + 5,
        event_ids=gone.event_ids,
    )
    assert gone == kept


@pytest.mark.parametrize("kind", ITEM_FACTS)
def test_nothing_older_than_a_deletion_revives_the_user(kind: type[ev.ItemFact]) -> None:
    gone = folded(at(0), user_fact(ev.UserDeleted, at_ms=T0_MS + 5))
    for after_ms in (-HOUR_MS, 0, 5):
        assert more(gone, at(after_ms, kind, event_id="old")) == (gone, Effect.FORGOTTEN)


def test_a_deletion_covers_what_was_folded_even_when_its_own_clock_is_behind() -> None:
    gone = folded(at(HOUR_MS), user_fact(ev.UserDeleted, at_ms=T0_MS))
    assert more(gone, at(HOUR_MS, ev.Liked, event_id="retry")) == (gone, Effect.FORGOTTEN)


def test_a_deleted_user_may_come_back_as_somebody_new() -> None:
    gone = folded(at(0, ev.Disliked, "i7"), user_fact(ev.UserDeleted, at_ms=T0_MS + 5))
    back, effect = more(gone, at(6, event_id="new"))
    assert effect is Effect.APPLIED
    assert not back.is_deleted
    assert [play.item_id for play in back.ring] == ["i1"]
    assert back.items == ()
    assert more(back, at(4, ev.Liked, event_id="old")) == (back, Effect.FORGOTTEN)


def test_a_retry_from_a_clock_that_runs_ahead_revives_no_deleted_user() -> None:
    ahead = at(HOUR_MS, ev.Liked, event_id="like")
    liked, _ = more(EMPTY, ahead, broker_ms=T0_MS)
    gone, _ = more(liked, user_fact(ev.UserDeleted, event_id="delete", at_ms=T0_MS + 1_000))
    assert more(gone, ahead, broker_ms=T0_MS + 2_000)[0] == gone


def test_a_retried_deletion_erases_nothing_that_came_after_the_first() -> None:
    ahead = user_fact(ev.UserDeleted, event_id="delete", at_ms=T0_MS + HOUR_MS)
    gone, _ = more(folded(at(0)), ahead, broker_ms=T0_MS + 1_000)
    back, _ = more(gone, at(2_000, event_id="new"))
    assert more(back, ahead, broker_ms=T0_MS + 3_000) == (back, Effect.DUPLICATE)


def test_the_event_after_a_closed_player_opens_a_new_session() -> None:
    closed = folded(at(0), user_fact(ev.SessionEnded, at_ms=T0_MS + 1))
    assert (closed.session_id, closed.ended_at_ms) == ("0-0", T0_MS + 1)
    assert len(closed.ring) == 1
    again = folded(at(2, item="i2"), state=closed)
    assert (again.session_id, again.session_len) == ("0-2", 1)


def test_a_report_from_before_the_player_was_closed_opens_no_session() -> None:
    closed = folded(at(0), user_fact(ev.SessionEnded, at_ms=T0_MS + 10))
    after, _ = more(closed, at(5, ev.Completed, event_id="late"))
    assert (after.session_id, after.started_at_ms) == (closed.session_id, T0_MS)


def test_the_version_is_the_offset_after_the_last_applied_event() -> None:
    state = EMPTY
    for offset in (3, 4, 90, 2_000):
        event = at(offset, event_id=f"e{offset}")
        state, _ = fold(state, event, record_of(event, offset))
        assert (state.version, state.source_offset) == (offset + 1, offset)


def test_the_version_grows_even_when_a_new_partition_counts_from_zero() -> None:
    before = SessionState(version=500, source_offset=499)
    event = at(0)
    after, _ = fold(before, event, record_of(event, 0, partition=1))
    assert (after.version, after.source_offset) == (501, 0)


def test_heartbeats_and_seeks_are_quiet_and_nothing_else_is() -> None:
    quiet = {kind for kind in ITEM_FACTS if is_quiet(item_fact(kind))}
    assert quiet == set(QUIET) == {ev.Progressed, ev.Seeked}
    assert not is_quiet(steered(reset=True))
    assert not is_quiet(user_fact(ev.SessionEnded))
    assert not is_quiet(user_fact(ev.UserDeleted))
