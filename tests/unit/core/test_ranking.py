"""The whole pipeline on a small catalogue, with the scorer that needs no model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.memory import PopularityScorer
from service.core import events as ev
from service.core.features import Features
from service.core.items import F32
from service.core.selectors import Caps
from service.core.session import EMPTY, SessionState
from service.core.slates import SlateItem
from service.ranking import Ranking
from service.sources import default_sources
from tests.event_makers import events, folded, item_fact, small_table, steered

TABLE = small_table(120)
LENGTH = 10
LONG = {"content_type": "audiobook", "duration_ms": 3_600_000, "position_ms": 1_200_000}
RANKING = Ranking(TABLE, default_sources(TABLE), PopularityScorer(), caps=Caps(length=LENGTH))


def slate(*facts: Any, ranking: Ranking = RANKING) -> tuple[SlateItem, ...]:
    (ranked,) = ranking.rank([folded(*facts)])
    return ranked.items


def ids(items: Sequence[SlateItem]) -> list[str]:
    return [item.item_id for item in items]


def play(kind: type[ev.ItemFact], row: int, **more: Any) -> Any:
    return item_fact(kind, f"i{row}", **more)


def test_a_slate_is_full_ordered_and_names_each_item_once() -> None:
    items = slate(play(ev.Started, 0))
    assert [item.rank for item in items] == list(range(1, LENGTH + 1))
    assert len(set(ids(items))) == LENGTH
    for item in items:
        row = TABLE.rows[item.item_id]
        assert item.content_type == ev.CONTENT_TYPES[TABLE.content_type[row]]
        assert tuple(item.heads) == RANKING.scorer.heads
        assert all(0 <= p <= 1 for p in item.heads.values())


def test_somebody_unknown_gets_what_is_popular_and_fresh() -> None:
    assert {item.source for item in slate()} <= {"popular", "fresh"}


def test_nobody_to_rank_for_is_no_work() -> None:
    assert RANKING.rank([]) == []


def test_an_excluded_type_is_not_in_the_slate() -> None:
    items = slate(play(ev.Completed, 1), steered(exclude_types=("podcast", "video")))
    assert len(items) == LENGTH
    assert {item.content_type for item in items} == {"music", "audiobook"}


def test_the_item_that_is_playing_is_not_in_the_slate() -> None:
    assert "i0" in ids(slate())
    assert "i0" not in ids(slate(play(ev.Started, 0)))


def test_a_disliked_item_leaves_the_slate() -> None:
    assert "i0" not in ids(slate(play(ev.Disliked, 0)))


def test_a_slate_says_so_when_there_is_nothing_to_offer() -> None:
    (ranked,) = RANKING.rank([folded(steered(exclude_types=ev.CONTENT_TYPES))])
    assert ranked.items == ()
    assert ranked.degraded == ("no_candidates",)


def test_an_empty_slate_of_one_listener_leaves_the_others_theirs() -> None:
    nothing = folded(steered(exclude_types=ev.CONTENT_TYPES))
    first, second, third = RANKING.rank([EMPTY, nothing, EMPTY])
    assert second.items == ()
    assert first == third == RANKING.rank([EMPTY])[0]


def test_a_slate_does_not_depend_on_who_else_is_ranked() -> None:
    states = [folded(*[play(ev.Completed, (n + b) % 120) for n in range(b)]) for b in range(16)]
    assert RANKING.rank(states) == [RANKING.rank([state])[0] for state in states]


def test_asking_for_more_like_an_item_brings_its_neighbours_up() -> None:
    near = {f"i{row}" for row in TABLE.neighbours[77, :8]}
    before, after = ids(slate()), ids(slate(steered(more_like=("i77",))))
    assert len(near & set(after)) > len(near & set(before))


def test_asking_for_less_of_an_artist_brings_its_items_down() -> None:
    before, after = slate(), slate(steered(less_artists=("a0",)))
    by_a0 = {"i0", "i1", "i2"}
    assert by_a0 & set(ids(before))
    assert not by_a0 & set(ids(after))


def test_a_catalogue_without_a_single_played_item_still_ranks() -> None:
    silent = small_table(40, popularity=np.zeros(40, np.float32))
    ranking = Ranking(silent, default_sources(silent), PopularityScorer())
    assert slate(play(ev.Completed, 1), ranking=ranking)


def test_a_broken_score_takes_no_place_from_a_sound_one() -> None:
    class HalfBroken(PopularityScorer):
        def score(self, features: Features) -> F32:
            heads = super().score(features)
            heads[::2] = np.nan
            return heads

    ranking = Ranking(TABLE, default_sources(TABLE), HalfBroken(), caps=Caps(length=LENGTH))
    assert all(np.isfinite(item.score) for item in slate(ranking=ranking))


def test_candidates_without_a_finite_score_are_counted_for_their_own_listener() -> None:
    class BrokenForTheSecond(PopularityScorer):
        def score(self, features: Features) -> F32:
            heads = super().score(features)
            heads[features.owner == 1] = np.nan
            return heads

    ranking = Ranking(TABLE, default_sources(TABLE), BrokenForTheSecond())
    sound, hurt = ranking.rank([EMPTY, EMPTY])
    assert sound.unsound == 0
    assert len(sound.items) <= hurt.unsound
    assert hurt.items == ()


# Reasons


def reasons_of(row: int, *facts: Any) -> tuple[str, tuple[str, ...]]:
    wide = Ranking(TABLE, default_sources(TABLE), PopularityScorer(), caps=Caps(length=120))
    (item,) = [item for item in slate(*facts, ranking=wide) if item.item_id == f"i{row}"]
    return item.source, item.reasons


def test_what_was_asked_for_is_the_first_reason() -> None:
    near = int(TABLE.neighbours[77, 0])
    source, reasons = reasons_of(near, steered(more_like=("i77",)))
    assert source == "more_like"
    assert reasons[0] == "more_like:i77"


def test_the_next_part_is_explained_as_a_continuation() -> None:
    source, reasons = reasons_of(5, play(ev.Completed, 1))
    assert (source, reasons[0]) == ("continue", "continue")


def test_similar_to_names_a_play_that_went_well() -> None:
    facts = [play(ev.Completed, 40), play(ev.Skipped, 80)]
    near = next(int(r) for r in TABLE.neighbours[40] if TABLE.content_type[r] in (0, 3))
    source, reasons = reasons_of(near, *facts)
    assert source == "neighbours"
    assert reasons[0] == "similar_to:i40"


def test_similar_to_never_names_a_skipped_play_however_near() -> None:
    row = next(int(r) for r in TABLE.neighbours[40] if TABLE.content_type[r] in (0, 3))
    nearer = next(int(r) for r in TABLE.neighbours[row] if r != 40)
    closeness = TABLE.vectors[[40, nearer]] @ TABLE.vectors[row]
    assert closeness[1] > closeness[0]
    assert (
        reasons_of(row, play(ev.Completed, 40), play(ev.Skipped, nearer))[1][0] == "similar_to:i40"
    )


def test_an_item_by_a_liked_artist_says_so_and_no_other_does() -> None:
    facts = [play(ev.Liked, 4, artist_id="a1")]
    assert "artist_liked" in reasons_of(3, *facts)[1]
    assert "artist_liked" not in reasons_of(0, *facts)[1]


def check_reasons(state: SessionState, item: SlateItem) -> None:
    """Every reason is a fact about the session."""
    good = {p.item_id for p in state.ring if p.end != 2 and p.liked >= 0}
    for reason in item.reasons:
        code, _, detail = reason.partition(":")
        match code:
            case "more_like":
                assert detail in state.steering.more_like
            case "similar_to":
                assert detail in good
            case "artist_liked":
                artist = TABLE.artist_ids[TABLE.artist[TABLE.rows[item.item_id]]]
                assert artist in {m.artist_id for m in state.artists if m.likes}
            case "continue" | "session":
                assert state.ring or state.items
            case _:
                assert code in {"fresh", "popular"}


@given(st.lists(st.lists(events(items=30), max_size=25), min_size=1, max_size=4))
def test_after_any_events_a_slate_keeps_the_listener_s_word(logs: list[list[Any]]) -> None:
    states = [folded(*log) for log in logs]
    for state, ranked in zip(states, RANKING.rank(states), strict=True):
        banned = {m.item_id for m in state.items if m.liked < 0}
        assert len(set(ids(ranked.items))) == len(ranked.items) <= LENGTH
        for item in ranked.items:
            assert item.item_id not in banned
            assert item.content_type not in state.steering.exclude_types
            check_reasons(state, item)
