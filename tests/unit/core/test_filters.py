"""What may be served at all: conservation, the listener's word, and the rule that gives way."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import events as ev
from service.core.candidates import Candidates
from service.core.filters import REPEAT_GAP_PLAYS, Filtered, apply_filters
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from tests.event_makers import events, folded, item_fact, small_table, steered

TABLE = small_table(40)
LONG = {"content_type": "audiobook", "duration_ms": 3_600_000, "position_ms": 1_200_000}


def play(kind: type[ev.ItemFact], item: str = "i0", **more: Any) -> Any:
    return item_fact(kind, item, **more)


def filtered(*states: SessionState, rows: Sequence[int] = range(40), at_least: int = 5) -> Filtered:
    sessions = session_batch(TABLE, states)
    owner = np.repeat(np.arange(len(states), dtype=np.int32), len(rows))
    items = np.tile(np.asarray(rows, dtype=np.int32), len(states))
    candidates = Candidates(owner, items, np.ones(len(items), dtype=np.uint32))
    result = apply_filters(sessions, candidates, at_least)
    assert len(result.kept) + sum(result.removed.values()) == len(candidates)
    return result


def kept(*states: SessionState, **more: Any) -> set[str]:
    return {TABLE.ids[row] for row in filtered(*states, **more).kept.items.tolist()}


def test_an_empty_session_keeps_everything() -> None:
    assert len(kept(EMPTY)) == 40


def test_each_removal_is_counted_once_for_the_first_filter_that_made_it() -> None:
    state = folded(play(ev.Disliked, "i3"), steered(exclude_types=("video",)))
    assert filtered(state).removed == {
        "excluded_type": 10,  # i3 is a video, too
        "disliked": 0,
        "playing": 0,
        "repeated": 0,
    }


def test_an_excluded_type_is_never_kept_even_when_nothing_else_is_there() -> None:
    state = folded(steered(exclude_types=("music", "video")))
    assert kept(state, rows=[0, 3, 4, 7], at_least=20) == set()


def test_a_disliked_item_is_never_kept_even_when_nothing_else_is_there() -> None:
    assert kept(folded(play(ev.Disliked)), rows=[0], at_least=20) == set()


def test_a_dislike_holds_after_the_play_has_left_the_ring() -> None:
    others = [play(ev.Started, f"i{n % 30 + 1}") for n in range(60)]
    state = folded(play(ev.Disliked), *others)
    assert "i0" not in {p.item_id for p in state.ring}
    assert "i0" not in kept(state)


def test_a_dislike_holds_after_the_item_has_left_the_memories() -> None:
    likes = [play(ev.Liked, f"i{n}") for n in range(1, 36)]
    state = folded(play(ev.Disliked), *likes)
    assert "i0" not in {m.item_id for m in state.items}
    assert "i0" not in kept(state)


def test_a_like_lifts_an_earlier_dislike() -> None:
    gap = [play(ev.Started, f"i{n}") for n in range(1, REPEAT_GAP_PLAYS + 1)]
    again = (play(ev.Disliked), play(ev.Started), play(ev.Liked))
    assert "i0" in kept(folded(*again, *gap))


def test_a_dislike_of_one_listener_is_not_another_s() -> None:
    result = filtered(folded(play(ev.Disliked)), EMPTY)
    assert result.kept.owner[result.kept.items == 0].tolist() == [1]


@pytest.mark.parametrize("since", [ev.Liked, ev.Saved, ev.Queued])
def test_the_item_playing_is_not_kept_whatever_was_touched_since(since: type[ev.ItemFact]) -> None:
    assert kept(folded(play(ev.Started)), rows=[0, 1], at_least=9) == {"i1"}
    touched = folded(play(ev.Started), play(since, "i1"))
    assert "i0" not in kept(touched, rows=[0, 1], at_least=9)


def test_an_item_that_has_ended_is_not_playing() -> None:
    ended = folded(play(ev.Started), play(ev.Completed))
    assert kept(ended, rows=[0], at_least=1) == {"i0"}


def test_an_item_heard_within_the_last_plays_is_not_repeated() -> None:
    plays = [play(ev.Completed, f"i{n}") for n in range(REPEAT_GAP_PLAYS + 1)]
    assert kept(folded(*plays)) == {"i0", *[f"i{n}" for n in range(REPEAT_GAP_PLAYS + 1, 40)]}


def test_what_was_only_queued_is_no_repeat() -> None:
    assert "i0" in kept(folded(play(ev.Queued)))


def test_repeats_give_way_when_too_little_is_left() -> None:
    state = folded(*[play(ev.Completed, f"i{n}") for n in range(3)])
    assert kept(state, rows=[0, 1, 2, 3], at_least=1) == {"i3"}
    assert kept(state, rows=[0, 1, 2, 3], at_least=2) == {"i0", "i1", "i2", "i3"}


def test_repeats_give_way_for_the_session_in_need_alone() -> None:
    heard_much = folded(*[play(ev.Completed, f"i{n}") for n in range(3)])
    heard_little = folded(play(ev.Completed, "i0"))
    result = filtered(heard_much, heard_little, rows=[0, 1, 2, 3], at_least=2)
    assert np.bincount(result.kept.owner).tolist() == [4, 3]


def test_an_unfinished_long_item_is_no_repeat() -> None:
    left = folded(play(ev.Started, "i2", **LONG), play(ev.Skipped, "i2", **LONG))
    assert "i2" in kept(left)
    finished = folded(play(ev.Completed, "i2", **LONG), state=left)
    assert "i2" not in kept(finished)


@given(
    st.lists(st.lists(events(items=12), max_size=25), min_size=1, max_size=4),
    st.sets(st.integers(0, 39)),
    st.integers(0, 30),
)
def test_after_any_events_nobody_is_offered_what_they_refused(
    logs: list[list[Any]], rows: set[int], at_least: int
) -> None:
    states = [folded(*log) for log in logs]
    result = filtered(*states, rows=sorted(rows), at_least=at_least)
    for owner, row in zip(result.kept.owner, result.kept.items, strict=True):
        state = states[owner]
        kind = ev.CONTENT_TYPES[TABLE.content_type[row]]
        assert kind not in state.steering.exclude_types
        assert TABLE.ids[row] not in {m.item_id for m in state.items if m.liked < 0}
