"""The ranker's input: its shape, its name, and that no session's numbers depend on another's."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import events as ev
from service.core.candidates import Candidates
from service.core.features import (
    CANDIDATE_FEATURES,
    FEATURE_SCHEMA,
    SESSION_FEATURES,
    Features,
    featurize,
    schema_of,
)
from service.core.items import F32, ItemTable
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from tests.event_makers import T0_MS, events, folded, item_fact, small_table

TABLE = small_table(40)
ALL_ROWS = tuple(range(40))


def computed(
    states: Sequence[SessionState],
    rows: Sequence[int] = ALL_ROWS,
    table: ItemTable = TABLE,
) -> Features:
    owner = np.repeat(np.arange(len(states), dtype=np.int32), len(rows))
    items = np.tile(np.asarray(rows, dtype=np.int32), len(states))
    candidates = Candidates(owner, items, np.ones(len(items), np.uint32))
    return featurize(session_batch(table, states), candidates)


def of_session(name: str, *facts: Any) -> float:
    user = computed([folded(*facts)]).user
    return float(user[0, list(SESSION_FEATURES).index(name)])


def of_candidate(name: str, row: int, *facts: Any, table: ItemTable = TABLE) -> float:
    candidate = computed([folded(*facts)], [row], table).candidate
    return float(candidate[0, list(CANDIDATE_FEATURES).index(name)])


def play(kind: type[ev.ItemFact], row: int = 0, **more: Any) -> Any:
    return item_fact(kind, f"i{row}", **more)


def listeners(count: int) -> list[SessionState]:
    """Sessions that differ in length, content and how their plays ended."""
    kinds = itertools.cycle([ev.Started, ev.Completed, ev.Skipped, ev.Liked, ev.Queued])
    return [
        folded(*[play(next(kinds), (n * 7 + b) % 40, artist_id=f"a{n % 5}") for n in range(b * 4)])
        for b in range(count)
    ]


def test_features_have_one_row_a_session_and_one_row_a_candidate() -> None:
    result = computed(listeners(3))
    assert result.user.shape == (3, len(SESSION_FEATURES))
    assert result.candidate.shape == (120, len(CANDIDATE_FEATURES))
    assert result.user.dtype == result.candidate.dtype == np.float32
    assert result.owner.tolist() == sorted(result.owner.tolist())


def test_no_candidates_make_no_rows_but_keep_the_columns() -> None:
    result = computed(listeners(3), rows=[])
    assert result.user.shape == (3, len(SESSION_FEATURES))
    assert result.candidate.shape == (0, len(CANDIDATE_FEATURES))


def test_an_empty_session_says_nothing_and_breaks_nothing() -> None:
    result = computed([EMPTY])
    assert not result.user.any()
    assert np.isfinite(result.candidate).all()
    of_the_session = [n for n in CANDIDATE_FEATURES if n.startswith(("cosine", "artist", "item_"))]
    columns = [list(CANDIDATE_FEATURES).index(name) for name in of_the_session]
    assert not result.candidate[:, columns].any()


def test_items_the_catalogue_does_not_know_leave_no_trace() -> None:
    unknown = item_fact(ev.Completed, "from-elsewhere")
    known = play(ev.Skipped, 3)
    mixed, pure = computed([folded(unknown, known)]), computed([folded(known)])
    assert np.array_equal(mixed.candidate, pure.candidate)


def test_the_schema_s_hash_changes_when_a_feature_is_renamed_added_or_moved() -> None:
    session, candidate = (*SESSION_FEATURES,), (*CANDIDATE_FEATURES,)
    assert schema_of(session, candidate) == FEATURE_SCHEMA
    others = {
        schema_of(("renamed", *session[1:]), candidate),
        schema_of(session, (*candidate, "one_more")),
        schema_of((session[1], session[0], *session[2:]), candidate),
        schema_of((*session, candidate[0]), candidate[1:]),
    }
    assert len(others | {FEATURE_SCHEMA}) == 5


@pytest.mark.parametrize("place", [0, 5, 15])
def test_a_session_s_features_are_the_same_alone_and_in_a_batch_bit_for_bit(place: int) -> None:
    states = listeners(16)
    batch, alone = computed(states), computed([states[place]])
    mine = batch.owner == place
    assert np.array_equal(batch.user[place], alone.user[0])
    assert np.array_equal(batch.candidate[mine], alone.candidate)


def close(one: F32, other: F32) -> bool:
    """Equal up to the last bits: a matrix product may sum in another order when it grows."""
    return bool(np.allclose(one, other, rtol=0, atol=1e-6))


def test_a_candidate_s_features_do_not_depend_on_the_other_candidates() -> None:
    states = listeners(4)
    everything = computed(states)
    for row in (0, 7, 39):
        mine = np.tile(np.asarray(ALL_ROWS) == row, len(states))
        assert close(everything.candidate[mine], computed(states, [row]).candidate)


@given(st.lists(st.lists(events(items=12), max_size=20), min_size=1, max_size=4))
def test_features_of_any_sessions_are_finite_numbers(logs: list[list[Any]]) -> None:
    result = computed([folded(*log) for log in logs])
    assert np.isfinite(result.user).all()
    assert np.isfinite(result.candidate).all()


def test_plays_of_any_time_and_length_can_be_laid_out() -> None:
    far = play(ev.Progressed, at_ms=ev.TIME_MAX_MS, position_ms=ev.TIME_MAX_MS)
    assert np.isfinite(computed([folded(far)]).candidate).all()


def test_skips_and_completions_are_shares_of_the_newest_plays() -> None:
    facts = [play(ev.Completed, 1), play(ev.Skipped, 2), play(ev.Skipped, 3), play(ev.Skipped, 4)]
    assert of_session("skip_share", *facts) == 0.75
    assert of_session("skip_share_3", *facts) == 1.0
    assert of_session("complete_share_10", *facts) == 0.25
    assert of_session("run_of_skips", *facts) == pytest.approx(0.6)
    assert of_session("run_of_skips", *facts, play(ev.Completed, 5)) == 0.0


def test_the_session_s_plays_are_told_from_older_ones() -> None:
    later = [play(ev.Started, n, at_ms=T0_MS + 3_600_000) for n in (5, 6)]
    facts = [play(ev.Started, 1), *later]
    assert of_session("session_plays", *facts) == pytest.approx(np.log1p(2))
    assert of_session("ring_plays", *facts) == pytest.approx(np.log1p(3))


def test_the_share_heard_is_of_the_item_s_own_length() -> None:
    assert of_session("heard_share", play(ev.Skipped, 0, position_ms=50_000)) == 0.25


def test_an_item_s_own_history_is_counted() -> None:
    facts = [play(ev.Skipped, 4), play(ev.Started, 4), play(ev.Liked, 4)]
    assert of_candidate("item_heard", 4, *facts) == pytest.approx(np.log1p(2))
    assert of_candidate("item_skipped", 4, *facts) == pytest.approx(np.log1p(1))
    assert of_candidate("item_liked", 4, *facts) == 1.0
    assert of_candidate("item_heard", 5, *facts) == 0.0


def test_an_artist_s_history_counts_for_all_its_items_and_no_other() -> None:
    facts = [play(ev.Skipped, 3, artist_id="a1")]
    assert of_candidate("artist_skipped", 5, *facts) == pytest.approx(np.log1p(1))
    assert of_candidate("artist_skips", 5, *facts) == pytest.approx(np.log1p(1))
    assert of_candidate("artist_skipped", 6, *facts) == 0.0
    assert of_candidate("artist_skips", 6, *facts) == 0.0


def test_two_items_of_unknown_artists_share_no_artist() -> None:
    nobody = small_table(8, artist=np.full(8, -1, np.int32))
    facts = [play(ev.Completed, 3)]
    assert of_candidate("artist_heard", 5, *facts, table=nobody) == 0.0
    assert of_candidate("artist_completed", 5, *facts, table=nobody) == 0.0


def test_the_next_episode_continues_what_was_heard() -> None:
    assert of_candidate("continues", 5, play(ev.Completed, 1)) == 1.0
    assert of_candidate("continues", 9, play(ev.Completed, 1)) == 0.0


def test_the_nearest_completed_play_is_the_item_itself() -> None:
    facts = [play(ev.Completed, 8), play(ev.Skipped, 9)]
    assert of_candidate("nearest_completed", 8, *facts) == pytest.approx(1.0, abs=1e-5)
    assert of_candidate("nearest_skipped", 9, *facts) == pytest.approx(1.0, abs=1e-5)
    assert of_candidate("cosine_newest", 9, *facts) == pytest.approx(1.0, abs=1e-5)


def test_unknown_attributes_count_as_the_catalogue_s_mean() -> None:
    facts = [play(ev.Completed, 5)]  # attributes unknown
    assert of_candidate("energy_from_completed", 10, *facts) == pytest.approx(0.0, abs=1e-6)
    assert of_candidate("energy_from_completed", 11, *facts) > 0.0
