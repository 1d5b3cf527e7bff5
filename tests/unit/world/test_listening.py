"""Listeners and their log: calibrated to published figures, in order, the same for a seed."""

from itertools import pairwise

import numpy as np
import pytest

from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.narrate import narrate, user_name
from loadtest.world.plays import PlayLog, make_plays
from loadtest.world.session import LiveListener
from service.core import events as ev
from service.core.session import EMPTY, Effect, fold


@pytest.fixture(scope="module")
def log(world: World) -> PlayLog:
    return make_plays(world, listeners=150, days=10)


def test_music_is_skipped_as_often_as_spotify_published(world: World, log: PlayLog) -> None:
    music = world.table.content_type[log.row] == 0
    heard_s, skipped = log.listened_ms[music] / 1000, log.skipped[music]
    # Some 8,000 plays of 150 listeners: 0.03 is about four standard errors.
    assert (skipped & (heard_s < 5)).mean() == pytest.approx(0.25, abs=0.03)
    assert (skipped & (heard_s < 30)).mean() == pytest.approx(0.35, abs=0.03)
    assert skipped.mean() == pytest.approx(0.486, abs=0.03)


def test_verdicts_are_rare_and_follow_what_was_heard(world: World, log: PlayLog) -> None:
    share = log.listened_ms / 1000 / world.table.duration_s[log.row]
    assert 0.01 < (log.liked > 0).mean() < 0.08
    assert 0.002 < (log.liked < 0).mean() < 0.03
    assert 0.002 < log.saved.mean() < 0.03
    assert share[log.liked > 0].mean() > 0.85
    assert share[log.liked < 0].mean() < 0.3


def test_liked_music_pleases_and_skipped_music_does_not(log: PlayLog) -> None:
    assert log.affinity[log.liked > 0].mean() > 1 + log.affinity.mean()
    assert log.affinity[log.skipped].mean() < log.affinity[~log.skipped].mean() - 1


def test_sessions_have_the_published_length(log: PlayLog) -> None:
    lengths = np.unique(log.session, return_counts=True)[1]
    assert lengths.mean() == pytest.approx(9.06, rel=0.1)


def test_a_listener_hears_one_thing_at_a_time(log: PlayLog) -> None:
    for user in range(0, 150, 10):
        mine = log.user == user
        ends = log.at_ms[mine] + log.listened_ms[mine]
        assert (log.at_ms[mine][1:] >= ends[:-1]).all()


def test_episodes_are_gone_on_with(world: World, log: PlayLog) -> None:
    episodes = np.isin(world.table.content_type[log.row], (1, 2))
    assert (log.start_ms[episodes] > 0).any()  # resumed where it was left
    assert (log.start_ms[~episodes] == 0).all()


def test_a_log_is_the_same_every_time(small_world: World) -> None:
    first, second = (make_plays(small_world, listeners=5, days=3) for _ in range(2))
    assert all(
        np.array_equal(a, b)
        for a, b in zip(vars(first).values(), vars(second).values(), strict=True)
    )


def test_events_come_in_order_of_time_and_fold_without_loss(small_world: World) -> None:
    log = make_plays(small_world, listeners=8, days=4)
    events = list(narrate(small_world, log))
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(events))
    assert len({e.event_id for e in events}) == len(events)
    assert sum(isinstance(e, ev.Started) for e in events) == len(log)
    ends = sum(isinstance(e, ev.Skipped | ev.Completed) for e in events)
    assert ends == len(log)
    states = {e.user_id: EMPTY for e in events}
    for offset, event in enumerate(events):
        record = ev.Record(0, offset, event.at_ms, None, None)
        states[event.user_id], effect = fold(states[event.user_id], event, record)
        assert effect is Effect.APPLIED


def test_hearing_an_item_again_and_again_tires(small_world: World) -> None:
    live = LiveListener(small_world, make_listener(small_world, 3))
    row = np.array([int(live.listener.library[0])])
    fresh = float(live.affinity(row)[0])
    live.listen(int(row[0]))
    mood_is_the_same = live.affinity(row)[0] - fresh
    assert mood_is_the_same < -0.3


def test_the_next_chapter_pleases_more_than_a_later_one(small_world: World) -> None:
    live = LiveListener(small_world, make_listener(small_world, 1))
    table = small_world.table
    first = int(np.flatnonzero((table.content_type == 2) & (table.ordinal == 0))[0])
    while live.next_up.get(int(table.series[first])) != first + 1:
        live.listen(first)
    live._tired[:] = 0
    base = live.listener.base[[first + 1, first + 3]]
    following, later = live.affinity(np.array([first + 1, first + 3])) - base
    assert following > later + 1


def test_listeners_differ_and_a_number_names_one(small_world: World) -> None:
    assert make_listener(small_world, 4).user_id == user_name(4)
    assert (make_listener(small_world, 4).base == make_listener(small_world, 4).base).all()
    assert not (make_listener(small_world, 4).base == make_listener(small_world, 5).base).all()
