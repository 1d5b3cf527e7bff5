"""What the fold remembers of plays, items and artists, and what it lets go."""

from typing import Any

import pytest

from service.core import events as ev
from service.core.memory import (
    ARTISTS_MAX,
    HASH_BYTES,
    ITEMS_MAX,
    RESUME_MIN_MS,
    RING_MAX,
    ArtistMemory,
    ItemMemory,
    PlayEnd,
    seen_before,
)
from service.core.session import SessionState
from tests.event_makers import T0_MS, folded, item_fact

LONG: dict[str, Any] = {"content_type": "audiobook", "duration_ms": 3_600_000}


def play(kind: type[ev.ItemFact], item: str = "i1", position_s: int = 0, **more: Any) -> Any:
    return item_fact(kind, item, position_ms=position_s * 1000, **more)


def ends(state: SessionState) -> list[tuple[str, int, int]]:
    return [(p.item_id, p.end, p.dwell_s) for p in state.ring]


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (ev.Started, PlayEnd.PLAYING),
        (ev.Progressed, PlayEnd.PLAYING),
        (ev.Skipped, PlayEnd.SKIPPED),
        (ev.Completed, PlayEnd.COMPLETED),
        (ev.Queued, PlayEnd.QUEUED),
        (ev.Liked, PlayEnd.NOTHING),
        (ev.Seeked, PlayEnd.NOTHING),
    ],
)
def test_the_first_word_about_an_item_makes_its_play(kind: type[ev.ItemFact], end: PlayEnd) -> None:
    assert ends(folded(play(kind))) == [("i1", end, 0)]


def test_what_follows_a_start_belongs_to_the_same_play() -> None:
    state = folded(
        play(ev.Started),
        play(ev.Progressed, position_s=30),
        play(ev.Liked),
        play(ev.Saved),
        play(ev.Skipped, position_s=45),
    )
    assert ends(state) == [("i1", PlayEnd.SKIPPED, 45)]
    assert (state.ring[0].liked, state.ring[0].saved) == (1, 1)
    assert state.session_len == 1


def test_a_second_start_is_a_second_play_and_takes_what_follows() -> None:
    state = folded(play(ev.Started), play(ev.Skipped), play(ev.Started), play(ev.Completed))
    assert [end for _, end, _ in ends(state)] == [PlayEnd.SKIPPED, PlayEnd.COMPLETED]


def test_a_heartbeat_that_comes_after_the_end_does_not_undo_it() -> None:
    state = folded(play(ev.Completed, position_s=200), play(ev.Progressed, position_s=190))
    assert ends(state) == [("i1", PlayEnd.COMPLETED, 200)]


def test_dwell_only_grows_and_is_capped() -> None:
    state = folded(play(ev.Progressed, position_s=90), play(ev.Progressed, position_s=20))
    assert state.ring[0].dwell_s == 90
    state = folded(play(ev.Skipped, position_s=10_000_000), state=state)
    assert state.ring[0].dwell_s == 65_535


def test_seeking_is_not_listening() -> None:
    assert ends(folded(play(ev.Started), play(ev.Seeked, position_s=100))) == [
        ("i1", PlayEnd.PLAYING, 0)
    ]


def test_queueing_is_not_listening_either() -> None:
    assert ends(folded(play(ev.Queued, position_s=100))) == [("i1", PlayEnd.QUEUED, 0)]


def test_a_like_after_a_dislike_replaces_it() -> None:
    state = folded(play(ev.Disliked), play(ev.Liked))
    assert (state.ring[0].liked, state.items[0].liked) == (1, 1)


def test_a_long_item_is_resumed_where_it_was_left() -> None:
    state = folded(play(ev.Started, **LONG), play(ev.Skipped, position_s=1_200, **LONG))
    assert state.items == (ItemMemory("i1", resume_s=1_200, at_s=T0_MS // 1000),)


def test_seeking_back_moves_the_place_to_resume() -> None:
    state = folded(
        play(ev.Progressed, position_s=1_200, **LONG), play(ev.Seeked, position_s=600, **LONG)
    )
    assert state.items[0].resume_s == 600


def test_a_finished_long_item_is_not_resumed() -> None:
    state = folded(play(ev.Progressed, position_s=1_200, **LONG), play(ev.Completed, **LONG))
    assert state.items[0].resume_s == 0


@pytest.mark.parametrize(
    ("content_type", "duration_ms", "resumed"),
    [
        ("music", None, False),
        ("music", RESUME_MIN_MS - 1, False),
        ("music", RESUME_MIN_MS, True),
        ("video", RESUME_MIN_MS - 1, False),
        ("podcast", None, True),
        ("audiobook", 1, True),
    ],
)
def test_only_long_items_are_resumed(
    content_type: str, duration_ms: int | None, resumed: bool
) -> None:
    event = play(ev.Skipped, position_s=90, content_type=content_type, duration_ms=duration_ms)
    assert bool(folded(event).items) is resumed


def test_the_ring_keeps_the_newest_fifty_plays() -> None:
    state = folded(*[play(ev.Started, f"i{n}") for n in range(RING_MAX + 7)])
    assert [p.item_id for p in state.ring] == [f"i{n}" for n in range(7, RING_MAX + 7)]
    assert state.session_len == RING_MAX


def test_the_item_least_recently_touched_is_forgotten_first() -> None:
    likes = [play(ev.Liked, f"i{n}") for n in range(ITEMS_MAX)]
    state = folded(*likes, play(ev.Saved, "i0"), play(ev.Liked, "new"))
    kept = [m.item_id for m in state.items]
    assert len(kept) == ITEMS_MAX
    assert kept[-2:] == ["i0", "new"]
    assert "i1" not in kept


def test_the_artist_least_recently_heard_is_forgotten_first() -> None:
    starts = [play(ev.Started, artist_id=f"a{n}") for n in range(ARTISTS_MAX)]
    state = folded(*starts, play(ev.Skipped, artist_id="a0"), play(ev.Started, artist_id="new"))
    kept = [m.artist_id for m in state.artists]
    assert len(kept) == ARTISTS_MAX
    assert kept[-2:] == ["a0", "new"]
    assert "a1" not in kept


def test_an_artist_s_plays_skips_likes_and_dislikes_are_counted() -> None:
    kinds = (ev.Started, ev.Started, ev.Skipped, ev.Liked, ev.Saved, ev.Disliked, ev.Progressed)
    state = folded(*[play(kind, artist_id="a1") for kind in kinds])
    assert state.artists == (ArtistMemory("a1", plays=2, skips=1, likes=2, dislikes=1),)


def test_an_event_without_an_artist_counts_for_none() -> None:
    assert folded(play(ev.Started)).artists == ()


def test_a_hash_that_only_matches_across_two_entries_is_no_match() -> None:
    _, probe = seen_before(b"", "probe")
    shifted = b"\0" * 3 + probe + b"\0" * (HASH_BYTES - 3)
    assert seen_before(shifted, "probe") == (False, shifted + probe)
    assert seen_before(shifted + probe, "probe") == (True, shifted + probe)
