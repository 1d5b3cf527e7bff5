"""The slate's order: caps, how they give way, ties, scores that are no numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core import events as ev
from service.core.candidates import Candidates
from service.core.items import ItemTable
from service.core.selectors import Caps, select, type_caps
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from tests.event_makers import folded, item_fact, small_table

ALL = 99  # a cap that never holds anything back
FREE = Caps(length=4, per_artist=ALL, per_series=ALL, type_prior=1e9)


def own(n: int, **columns: Any) -> ItemTable:
    """A table of music where every item has an artist of its own and no series."""
    row = np.arange(n, dtype=np.int32)
    given: dict[str, Any] = {
        "content_type": np.zeros(n, np.uint8),
        "artist": row,
        "artist_ids": [f"a{i}" for i in range(n)],
        "series": np.full(n, -1, np.int32),
    }
    return small_table(n, **(given | columns))


def slates(
    table: ItemTable,
    scores: Sequence[float],
    caps: Caps,
    states: Sequence[SessionState] = (EMPTY,),
    rows: Sequence[int] | None = None,
) -> list[list[int]]:
    sessions = session_batch(table, states)
    mine = np.asarray(range(len(scores)) if rows is None else rows, dtype=np.int32)
    owner = np.repeat(np.arange(len(states), dtype=np.int32), len(mine))
    items = np.tile(mine, len(states))
    candidates = Candidates(owner, items, np.ones(len(items), np.uint32))
    utility = np.tile(np.asarray(scores, dtype=np.float32), len(states))
    chosen = select(sessions, candidates, utility, caps)
    for b, places in enumerate(chosen):
        assert (owner[places] == b).all()
    return [items[places].tolist() for places in chosen]


def test_the_best_come_first_and_the_slate_has_its_length() -> None:
    assert slates(own(6), [1, 5, 3, 4, 2, 0], FREE) == [[1, 3, 2, 4]]


def test_ties_go_to_the_lower_row_in_whatever_order_candidates_come() -> None:
    table = own(6)
    assert slates(table, [1, 1, 1, 1], FREE, rows=[5, 0, 3, 2]) == [[0, 2, 3, 5]]


def test_a_score_that_is_no_finite_number_takes_no_place() -> None:
    scores = [float("nan"), 1.0, float("inf"), -5.0, float("-inf")]
    assert slates(own(5), scores, FREE) == [[1, 3]]


def test_a_cap_gives_way_rather_than_serve_a_score_that_is_no_number() -> None:
    table = own(3, artist=np.array([0, 0, 1], np.int32))
    caps = Caps(length=2, per_artist=1, per_series=ALL, type_prior=1e9)
    assert slates(table, [2, 1, float("nan")], caps) == [[0, 1]]


def test_an_artist_takes_no_more_places_than_the_cap() -> None:
    table = own(6, artist=np.array([0, 0, 0, 1, 2, 3], np.int32))
    caps = Caps(length=4, per_artist=1, per_series=ALL, type_prior=1e9)
    assert slates(table, [9, 8, 7, 3, 2, 1], caps) == [[0, 3, 4, 5]]


def test_items_without_artist_or_series_are_never_held_back() -> None:
    table = own(4, artist=np.full(4, -1, np.int32))
    caps = Caps(length=4, per_artist=1, per_series=1, type_prior=1e9)
    assert slates(table, [1, 2, 3, 4], caps) == [[3, 2, 1, 0]]


def test_a_show_takes_no_more_places_than_the_cap() -> None:
    table = own(6, series=np.array([0, 0, 0, -1, -1, 1], np.int32))
    caps = Caps(length=5, per_artist=ALL, per_series=2, type_prior=1e9)
    assert slates(table, [9, 8, 7, 3, 2, 1], caps) == [[0, 1, 3, 4, 5]]


def test_a_content_type_takes_its_share_of_recent_plays() -> None:
    half = np.repeat([0, 1], 10).astype(np.uint8)
    table = own(20, content_type=half)
    listener = folded(*[item_fact(ev.Completed, f"i{n}") for n in range(10)])
    caps = Caps(length=10, per_artist=ALL, per_series=ALL, type_prior=1.0)
    limits = type_caps(session_batch(table, [listener]), caps)[0]
    scores = [*[0.0] * 10, *[1.0] * 10]  # podcasts score higher than all the music
    (slate,) = slates(table, scores, caps, [listener])
    assert limits[1] < 5
    assert sum(row >= 10 for row in slate) == limits[1]


def test_caps_give_way_type_first_then_show_then_artist() -> None:
    # Four candidates for four places; nothing but a broken cap lets the last three in.
    table = own(
        4,
        content_type=np.array([0, 0, 0, 0], np.uint8),
        artist=np.array([0, 0, 1, 2], np.int32),
        series=np.array([0, -1, 0, -1], np.int32),
        popularity=np.zeros(4, np.float32),
    )
    caps = Caps(length=4, per_artist=1, per_series=1, type_prior=4.0)
    assert type_caps(session_batch(table, [EMPTY]), caps)[0].tolist() == [1, 1, 1, 1]
    # 0 fits all caps; 3 breaks the type cap; 2 type and show; 1 type and artist.
    assert slates(table, [9, 8, 7, 1], caps) == [[0, 3, 2, 1]]


def test_too_few_candidates_make_a_short_slate() -> None:
    assert slates(own(3), [1, 2, 3], Caps(length=20)) == [[2, 1, 0]]
    assert slates(own(3), [], Caps(length=20)) == [[]]


def test_each_session_gets_its_own_slate() -> None:
    listener = folded(item_fact(ev.Started, "i0"))
    assert slates(own(5), [5, 4, 3, 2, 1], FREE, [EMPTY, listener]) == [[0, 1, 2, 3]] * 2


scores = st.floats(width=32) | st.sampled_from([0.0, 1.0])


@given(
    st.lists(scores, min_size=1, max_size=40),
    st.builds(
        Caps,
        length=st.integers(1, 30),
        per_artist=st.integers(0, 5),
        per_series=st.integers(0, 5),
        type_prior=st.floats(0.5, 50),
    ),
)
def test_the_selector_fills_the_slate_and_never_repeats(values: list[float], caps: Caps) -> None:
    (slate,) = slates(small_table(40), values, caps)
    assert len(slate) == min(caps.length, sum(map(math.isfinite, values)))
    assert len(set(slate)) == len(slate)
    assert set(slate) <= set(range(len(values)))


@given(st.lists(scores, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_candidates_never_matters(values: list[float], chance: Any) -> None:
    rows = list(range(len(values)))
    chance.shuffle(rows)
    table = small_table(40)
    shuffled = slates(table, [values[row] for row in rows], Caps(length=10), rows=rows)
    assert shuffled == slates(table, values, Caps(length=10))
