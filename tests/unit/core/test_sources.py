"""What each candidate source proposes, and to whom."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from service.core import events as ev
from service.core.candidates import CandidateSource
from service.core.items import ItemTable
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from service.sources import default_sources
from service.sources.continue_listening import ContinueListening
from service.sources.neighbours import PER_SEED, SEEDS, Neighbours
from service.sources.popular import FRESH_PER_TYPE, POPULAR_PER_TYPE, Fresh, Popular
from service.sources.session_vector import PER_TYPE, SessionVector
from service.sources.steered import ANCHORS, MoreLike
from tests.event_makers import folded, item_fact, small_table, steered

TABLE = small_table(40)
LONG = {"content_type": "audiobook", "duration_ms": 3_600_000, "position_ms": 1_200_000}


def proposed(
    source: CandidateSource, *states: SessionState, table: ItemTable = TABLE
) -> list[set[int]]:
    owner, items = source.propose(session_batch(table, states))
    assert owner.dtype == items.dtype == np.int32
    assert ((items >= 0) & (items < len(table))).all()
    return [set(items[owner == b].tolist()) for b in range(len(states))]


def play(kind: type[ev.ItemFact], row: int, **more: Any) -> Any:
    return item_fact(kind, f"i{row}", **more)


def heard(*rows: int) -> SessionState:
    return folded(*[play(ev.Completed, row) for row in rows])


@pytest.mark.parametrize("source", default_sources(TABLE), ids=lambda source: source.name)
def test_a_source_answers_each_session_as_if_it_were_alone(source: CandidateSource) -> None:
    states = [EMPTY, heard(1, 2), folded(steered(more_like=("i3",))), heard(*range(30))]
    assert proposed(source, *states) == [proposed(source, state)[0] for state in states]


@pytest.mark.parametrize("source", default_sources(TABLE), ids=lambda source: source.name)
def test_a_source_passes_over_items_that_the_catalogue_does_not_know(
    source: CandidateSource,
) -> None:
    elsewhere = item_fact(ev.Skipped, "elsewhere", **LONG)
    stranger = folded(elsewhere, item_fact(ev.Liked, "else2"), steered(more_like=("elsewhere",)))
    assert proposed(source, stranger) == proposed(source, EMPTY)


def test_every_source_has_a_name_of_its_own() -> None:
    names = [source.name for source in default_sources(TABLE)]
    assert len(set(names)) == len(names)


def test_the_session_vector_finds_the_nearest_of_every_content_type() -> None:
    table = small_table(800)
    sessions = session_batch(table, [heard(0, 5)])
    (found,) = proposed(SessionVector(table), heard(0, 5), table=table)
    scores = table.vectors @ sessions.wanted[0]
    for kind, count in enumerate(PER_TYPE):
        rows = np.flatnonzero(table.content_type == kind)
        nearest = set(rows[np.argsort(-scores[rows])][:count].tolist())
        assert {row for row in found if table.content_type[row] == kind} == nearest


def test_the_session_vector_says_nothing_for_a_session_that_said_nothing() -> None:
    assert proposed(SessionVector(TABLE), EMPTY) == [set()]


def test_items_without_a_vector_are_not_found_by_vector() -> None:
    vectors = TABLE.vectors.copy()
    vectors[::2] = 0
    blind = small_table(40, vectors=vectors)
    (found,) = proposed(SessionVector(blind), heard(1), table=blind)
    assert found == set(range(1, 40, 2))
    assert proposed(SessionVector(blind), heard(2), table=blind) == [set()]
    anchored = folded(steered(more_like=("i1",)))
    assert all(row % 2 for row in proposed(MoreLike(blind), anchored, table=blind)[0])


def test_neighbours_are_those_of_the_newest_plays_that_went_well() -> None:
    went_well = [play(ev.Completed, n) for n in range(1, SEEDS + 2)]
    state = folded(*went_well, play(ev.Skipped, 20), play(ev.Disliked, 21))
    expected = TABLE.neighbours[2 : SEEDS + 2, :PER_SEED]
    assert proposed(Neighbours(), state) == [set(expected.ravel().tolist())]


def test_a_session_of_skips_has_no_neighbours() -> None:
    assert proposed(Neighbours(), folded(play(ev.Skipped, 3))) == [set()]


def test_padding_in_the_neighbour_table_is_no_item() -> None:
    few = np.full((40, 32), -1, dtype=np.int32)
    few[3, :2] = (7, 9)
    table = small_table(40, neighbours=few)
    assert proposed(Neighbours(), heard(3), table=table) == [{7, 9}]
    assert proposed(Neighbours(), heard(4), table=table) == [set()]


def test_continue_listening_offers_the_next_episode_or_chapter() -> None:
    assert proposed(ContinueListening(), heard(1, 2)) == [{5, 6}]


def test_continue_listening_ends_with_the_series() -> None:
    last = int(np.flatnonzero(TABLE.content_type == 1)[-1])
    assert proposed(ContinueListening(), heard(last)) == [set()]


def test_continue_listening_leaves_music_and_queued_items_alone() -> None:
    albums = small_table(40, series=np.zeros(40, np.int32))
    state = folded(play(ev.Completed, 0), play(ev.Queued, 5))
    assert proposed(ContinueListening(), state, table=albums) == [set()]


def test_continue_listening_offers_the_rest_of_a_long_item_until_it_is_finished() -> None:
    left = folded(play(ev.Skipped, 38, **LONG))
    assert proposed(ContinueListening(), left) == [{38}]
    finished = folded(play(ev.Completed, 38, **LONG), state=left)
    assert proposed(ContinueListening(), finished) == [set()]


def test_a_series_is_followed_by_ordinal_whatever_the_row_order() -> None:
    table = small_table(40, ordinal=np.arange(40, 0, -1, dtype=np.int32))
    assert proposed(ContinueListening(), heard(9), table=table) == [{5}]


def test_popular_offers_the_most_played_of_every_type_to_everybody() -> None:
    table = small_table(400)
    best = {4 * n + kind for kind in range(4) for n in range(POPULAR_PER_TYPE)}
    assert proposed(Popular(table), EMPTY, heard(7), table=table) == [best, best]


def test_items_nobody_played_are_not_popular() -> None:
    silent = small_table(40, popularity=np.zeros(40, np.float32))
    assert proposed(Popular(silent), EMPTY, table=silent) == [set()]


def test_fresh_offers_the_newest_of_those_with_a_known_day() -> None:
    (found,) = proposed(Fresh(TABLE), EMPTY)
    assert found
    assert all(TABLE.released_day[row] > 0 for row in found)
    none = small_table(40, released_day=np.zeros(40, np.int32))
    assert proposed(Fresh(none), EMPTY, table=none) == [set()]


def test_of_equally_new_items_the_more_popular_are_fresh() -> None:
    table = small_table(400, released_day=np.full(400, 20_000, np.int32))
    best = {4 * n + kind for kind in range(4) for n in range(FRESH_PER_TYPE)}
    assert proposed(Fresh(table), EMPTY, table=table) == [best]


def nearest(table: ItemTable, anchors: Sequence[int], counts: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for anchor in anchors:
        closeness = table.vectors @ table.vectors[anchor]
        for kind, count in enumerate(counts):
            rows = np.flatnonzero(table.content_type == kind)
            found |= set(rows[np.argsort(-closeness[rows])][:count].tolist())
    return found


def test_more_like_searches_around_the_newest_anchors() -> None:
    table = small_table(800)
    asked = folded(steered(more_like=("i9", "i50", "i3")))
    expected = nearest(table, [50, 3], (40, 10, 5, 10))
    assert ANCHORS == 2
    assert proposed(MoreLike(table), asked, table=table) == [expected]


def test_more_like_says_nothing_unless_it_is_asked() -> None:
    assert proposed(MoreLike(TABLE), EMPTY, heard(1)) == [set(), set()]
