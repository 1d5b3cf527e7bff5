"""Windows from rows are the rings that the service's fold held, whatever the log says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.data.entries import Entry
from models.data.ring_rows import RingRows, Row
from models.data.windows import window
from service.core import events as ev
from service.core.memory import RING_MAX
from service.core.session import EMPTY, Effect, SessionState, fold
from tests.event_makers import T0_MS, events, item_fact, user_fact

Moment = tuple[str, int, SessionState]


def entries(told: list[ev.PlaybackEvent]) -> list[Entry]:
    """A log in which the broker's clock stands still, so that some events are clamped."""
    return [Entry(0, offset, T0_MS + 3_600_000, event) for offset, event in enumerate(told)]


def folded(log: list[Entry]) -> tuple[dict[str, list[Row]], list[Moment]]:
    """Rows by listener; and by the fold alone: each listener's state after applied events."""
    rows, by_user = RingRows(), dict[str, list[Row]]()
    states: dict[str, SessionState] = {}
    applied: dict[str, int] = {}
    moments: list[Moment] = []
    for entry in log:
        rows.take(entry)
        user = entry.event.user_id
        states[user], effect = fold(states.get(user, EMPTY), entry.event, entry.record)
        if effect is Effect.APPLIED:
            moments.append((user, applied.get(user, 0), states[user]))
            applied[user] = applied.get(user, 0) + 1
    for row in rows.rows():
        by_user.setdefault(row["user"], []).append(row)
    return by_user, moments


def after_deletions(moments: list[Moment]) -> list[Moment]:
    """A deletion takes the rows of what came before it: those moments cannot be rebuilt."""
    begins = {user: number for user, number, state in moments if state.is_deleted}
    return [moment for moment in moments if moment[1] >= begins.get(moment[0], 0)]


@given(st.lists(events(("u1", "u2"), items=70), max_size=150))
def test_windows_from_rows_are_the_rings_that_were_folded(told: list[ev.PlaybackEvent]) -> None:
    rows, moments = folded(entries(told))
    for user, number, state in after_deletions(moments):
        ring, session_len = window(rows.get(user, []), number)
        assert ring == state.ring
        if state.session_len:  # 0 right after an event that opened a session without a play
            assert session_len == state.session_len


@given(st.lists(events(items=6), max_size=80))
def test_every_play_sees_before_it_what_the_listener_had_then(
    told: list[ev.PlaybackEvent],
) -> None:
    rows, moments = folded(entries(told))
    after = {number: state for _, number, state in after_deletions(moments)}
    for row in rows.get("u1", []):
        if row["number"] - 1 in after:
            before = after[row["number"] - 1].ring
            assert window(rows["u1"], row["number"] - 1)[0] == before


def starts(count: int) -> list[ev.PlaybackEvent]:
    return [
        item_fact(ev.Started, f"i{n}", event_id=f"e{n}", at_ms=T0_MS + 60_000 * n)
        for n in range(count)
    ]


def test_the_window_holds_fifty_plays_and_no_more() -> None:
    log = [Entry(0, n, event.at_ms, event) for n, event in enumerate(starts(70))]
    rows, _ = folded(log)
    ring, session_len = window(rows["u1"], 69)
    assert [play.item_id for play in ring] == [f"i{n}" for n in range(20, 70)]
    assert session_len == RING_MAX
    assert len(rows["u1"]) == 70


def test_a_skip_that_comes_after_the_next_start_is_not_known_before_it() -> None:
    late = item_fact(ev.Skipped, "i0", event_id="late", at_ms=T0_MS + 61_000, position_ms=5_000)
    log = [Entry(0, n, event.at_ms, event) for n, event in enumerate([*starts(2), late])]
    rows, _ = folded(log)
    ends = [window(rows["u1"], number)[0][0].end for number in (0, 1, 2)]
    assert ends == [1, 1, 2]
    assert rows["u1"][0]["end"] == 2


def test_a_retry_adds_no_row_and_a_late_event_is_told_by_its_effect() -> None:
    one, two = starts(2)
    old = item_fact(ev.Started, "old", event_id="old", at_ms=T0_MS - 1)
    log = [Entry(0, n, T0_MS + 60_000, event) for n, event in enumerate([one, one, two, old])]
    rows = RingRows()
    for entry in log:
        rows.take(entry)
    assert rows.effects[Effect.DUPLICATE] == rows.effects[Effect.LATE] == 1
    assert [row["number"] for row in rows.rows()] == [0, 1]


def test_a_deletion_takes_all_rows_of_its_listener_and_no_one_elses() -> None:
    other = item_fact(ev.Started, "kept", user_id="u2", event_id="k")
    gone = user_fact(ev.UserDeleted, event_id="gone", at_ms=T0_MS + 600_000)
    back = item_fact(ev.Started, "back", event_id="back", at_ms=T0_MS + 700_000)
    told = [*starts(3), other, gone, back]
    rows, _ = folded([Entry(0, n, event.at_ms, event) for n, event in enumerate(told)])
    assert [row["item"] for row in rows["u1"]] == ["back"]
    assert [row["item"] for row in rows["u2"]] == ["kept"]
    numbers = [row["number"] for row in rows["u1"]]
    assert all(a < b for a, b in pairwise(numbers))
