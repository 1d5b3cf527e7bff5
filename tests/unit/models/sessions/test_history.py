"""A query holds what the service's ring would hold: the listener's newest 50 plays, by time."""

from dataclasses import replace

import numpy as np
import pytest

from models.formats.play import Play
from models.sessions.queries import every_prefix
from models.sessions.read import UNKNOWN, SessionLog, end_of, session_log
from service.core.memory import PlayEnd
from tests.unit.models.sessions.test_encoder import some_encoder

SKIPPED, COMPLETED = int(PlayEnd.SKIPPED), int(PlayEnd.COMPLETED)


def later(log: SessionLog) -> SessionLog:
    return replace(log, at_ms=log.at_ms + 1000)


def test_earlier_sessions_of_the_same_listener_stand_behind_this_one() -> None:
    log = session_log([[1, 2], [7, 8], [3, 4, 5]], users=[0, 1, 0])
    queries = every_prefix(log, some_encoder())
    last = queries.take(slice(3, 4))
    assert last.recent[0, :5].tolist() == [4, 3, 2, 1, -1]
    assert last.current[0, :5].tolist() == [True, True, False, False, False]
    assert last.of_session[0, :3].tolist() == [4, 3, -1]
    assert last.length.tolist() == [2]


def test_a_listener_that_two_logs_know_brings_what_came_before() -> None:
    before = session_log([[9, 10, UNKNOWN], [11, 12]], users=[5, 6])
    queries = every_prefix(later(session_log([[1, 2]], users=[5])), some_encoder(), before=before)
    assert queries.recent[0, :4].tolist() == [1, 10, 9, -1]
    assert queries.current[0, :3].tolist() == [True, False, False]


def test_what_an_overlapping_log_holds_of_a_later_time_is_not_known_yet() -> None:
    before = session_log([[9, 10]], users=[5])
    before = replace(before, at_ms=np.array([0, 5_000]))
    queries = every_prefix(later(session_log([[1, 2]], users=[5])), some_encoder(), before=before)
    assert queries.recent[0, :3].tolist() == [1, 9, -1]


def test_the_ring_holds_fifty_plays_and_what_became_of_them() -> None:
    ends = [[SKIPPED, COMPLETED] * 30, [COMPLETED, SKIPPED, COMPLETED]]
    log = session_log([list(range(30)) * 2, [30, 31, 32]], users=[0, 0], ends=ends)
    last = every_prefix(log, some_encoder()).take(slice(-1, None))
    assert last.recent.shape == (1, 50)
    assert (last.recent >= 0).all()
    assert last.end[0, :4].tolist() == [SKIPPED, COMPLETED, COMPLETED, SKIPPED]


def test_sessions_of_unknown_items_alone_are_asked_and_know_nothing() -> None:
    queries = every_prefix(session_log([[UNKNOWN, UNKNOWN, UNKNOWN]]), some_encoder())
    assert queries.target.tolist() == [UNKNOWN, UNKNOWN]
    assert (queries.recent == -1).all()
    assert not queries.direction.any()


@pytest.mark.parametrize(
    ("played_s", "duration_s", "end"),
    [
        (None, 200, PlayEnd.COMPLETED),  # the log does not tell
        (12, 200, PlayEnd.SKIPPED),
        (12, None, PlayEnd.SKIPPED),
        (12, 20, PlayEnd.COMPLETED),
        (31, 200, PlayEnd.COMPLETED),
    ],
)
def test_a_short_play_of_a_longer_item_is_a_skip(
    played_s: float | None, duration_s: float | None, end: PlayEnd
) -> None:
    play = Play(user="u", item="i", at_ms=0, played_s=played_s, duration_s=duration_s)
    assert end_of(play) is end
