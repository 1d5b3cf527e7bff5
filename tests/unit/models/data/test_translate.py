"""What a row of a log becomes."""

from typing import Any

import msgspec
import pytest

from models.data.translate import events_of
from models.formats.play import Play
from service.core.memory import PlayEnd


def told(**row: Any) -> list[dict[str, Any]]:
    facts: dict[str, Any] = {"user": "u1", "item": "i1", "at_ms": 1_000} | row
    told = events_of(Play(**facts), lambda kind: f"e-{kind}")
    return [msgspec.to_builtins(event) for event in told]


def story(**row: Any) -> list[tuple[str, int, int]]:
    return [(event["type"], event["at_ms"], event["position_ms"]) for event in told(**row)]


def test_a_play_of_which_nothing_else_is_known_is_a_start() -> None:
    assert story() == [("started", 1_000, 0)]


def test_a_play_time_cut_off_by_the_next_start_is_never_a_skip() -> None:
    assert story(heard_at_least_s=3, duration_s=200) == [
        ("started", 1_000, 0),
        ("progressed", 4_000, 3_000),
    ]


def test_a_play_time_without_the_items_length_says_nothing_of_the_end() -> None:
    assert story(played_s=3)[1:] == [("progressed", 4_000, 3_000)]


@pytest.mark.parametrize(
    ("played_s", "end", "position_ms"),
    [
        (0, "skipped", 0),
        (49.9, "skipped", 49_900),
        (50, "progressed", 50_000),
        (89.9, "progressed", 89_900),
        (90, "completed", 90_000),
        (100, "completed", 100_000),
        (250, "completed", 100_000),  # looped: its position is the item's length
    ],
)
def test_the_share_that_was_heard_decides_how_it_ended(
    played_s: float, end: str, position_ms: int
) -> None:
    assert story(played_s=played_s, duration_s=100)[1:] == [
        (end, 1_000 + round(1000 * played_s), position_ms)
    ]


def test_a_verdict_comes_where_the_listening_ended_and_before_its_end() -> None:
    assert story(played_s=20, duration_s=100, liked=-1) == [
        ("started", 1_000, 0),
        ("disliked", 21_000, 20_000),
        ("skipped", 21_000, 20_000),
    ]


def test_a_verdict_apart_from_any_play_starts_nothing() -> None:
    assert story(heard=False, liked=1) == [("liked", 1_000, 0)]


def test_a_verdict_taken_back_is_not_turned_into_its_opposite() -> None:
    assert story(heard=False, liked=0) == []


def test_a_swipe_is_a_start_and_a_verdict_at_one_moment() -> None:
    assert story(liked=1) == [("started", 1_000, 0), ("liked", 1_000, 0)]


def test_the_events_of_a_row_share_what_the_log_says_of_its_item() -> None:
    (start, _) = told(content_type="video", artist="a1", duration_s=10, played_s=9)
    assert start["content_type"] == "video"
    assert start["artist_id"] == "a1"
    assert start["duration_ms"] == 10_000


def test_an_id_outside_the_contract_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="user_id"):
        told(user="two words")


def test_an_end_that_the_fold_has_told_outweighs_the_share_heard() -> None:
    assert story(end=int(PlayEnd.SKIPPED), played_s=190, duration_s=200)[-1][0] == "skipped"
    assert story(end=int(PlayEnd.COMPLETED)) == [("started", 1_000, 0), ("completed", 1_000, 0)]
    assert story(end=int(PlayEnd.PLAYING)) == [("started", 1_000, 0)]
