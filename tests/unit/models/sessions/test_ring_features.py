"""What the ring says of candidates, on rings small enough to work out by hand."""

import numpy as np
import pytest

from models.sessions.queries import Queries, every_prefix
from models.sessions.read import session_log
from models.sessions.ring_features import RING_FEATURES, ring_features
from models.sessions.sparse_rows import F32
from tests.unit.models.sessions.test_encoder import some_encoder


def ask(items: list[int], history: list[int], session: list[int]) -> dict[str, F32]:
    log = session_log([history, [*session, 0]], users=[0, 0])
    queries: Queries = every_prefix(log, some_encoder()).take(slice(-1, None))
    owner = np.zeros(len(items), np.int32)
    return ring_features(queries, owner, np.array(items, np.int32))


def test_what_was_heard_in_an_earlier_session_is_known_and_how_long_ago() -> None:
    found = ask([7, 8, 3, 9], history=[7, 8, 8], session=[3])
    assert found["before"].tolist() == [1, 1, 0, 0]  # this session's own play is not "before"
    assert found["before_nearness"].tolist() == pytest.approx([1 / 4, 1 / 2, 0, 0])
    assert found["before_count"].tolist() == pytest.approx(np.log1p([1, 2, 0, 0]))


def test_what_came_after_the_newest_play_last_time_stands_out() -> None:
    found = ask([5, 6, 3], history=[3, 4, 5, 6], session=[4])
    assert found["own_next"].tolist() == [1, 0, 0]
    assert found["own_soon"][0] > found["own_soon"][1] > found["own_soon"][2] == 0


def test_the_second_play_speaks_too() -> None:
    found = ask([5, 6], history=[4, 5], session=[4, 9])
    assert found["own_next"].tolist() == [0, 0]
    assert found["own_second"].tolist() == [1, 0]


def test_a_session_that_repeats_an_earlier_one_is_told() -> None:
    assert ask([1], history=[4, 5], session=[4, 9])["again_share"].tolist() == [0.5]
    assert list(ask([1], history=[4], session=[4])) == list(RING_FEATURES)


def test_a_listener_without_known_plays_has_zeros() -> None:
    found = ask([1, 2], history=[-1], session=[-1])
    assert not any(column.any() for column in found.values())
