"""A change of mind at a known play: the mood holds, and recovery is counted as it should be."""

import numpy as np
import pytest

from loadtest.world.arms import OracleArm, PopularArm
from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.recovery import (
    AFTER,
    NEVER,
    SWITCH_AT,
    SWITCHES,
    follow,
    no_change,
    plays_to_recover,
    recovery,
)
from loadtest.world.session import LiveListener


@pytest.mark.parametrize(("bad", "expected"), [(0, 0), (1, 1), (5, 5), (AFTER, NEVER)])
def test_an_arm_has_recovered_when_three_plays_lose_nothing(bad: int, expected: int) -> None:
    loss = np.zeros(SWITCH_AT + AFTER)
    loss[SWITCH_AT : SWITCH_AT + bad] += 10
    assert plays_to_recover(loss, 0.25) == expected


def test_a_held_mood_stays_and_a_free_one_does_not(small_world: World) -> None:
    held, free = (LiveListener(small_world, make_listener(small_world, 2)) for _ in range(2))
    mood, _ = no_change(held.listener)
    held.hold(mood)
    free.mood = mood
    for row in range(60):
        held.listen(row)
        free.listen(row)
    assert held.mood is mood
    assert free.mood is not mood


def test_both_switches_change_the_mood_and_the_placebo_does_not(small_world: World) -> None:
    listener = make_listener(small_world, 2)
    for switch in SWITCHES.values():
        first, second = switch(listener)
        assert first.content_type == 0
        assert first.taste is not None
        assert second.taste is not None
        assert not np.array_equal(first.taste, second.taste)
    assert SWITCHES["content_type"](listener)[1].content_type > 0
    first, second = no_change(listener)
    assert first is second


def test_who_never_changed_their_mind_loses_nothing(small_known: World) -> None:
    course = follow(small_known, PopularArm(small_known), no_change, listeners=8)
    assert course.affinity.shape == (SWITCH_AT + AFTER, 8)
    assert not course.affinity.any()
    assert recovery(course, seed=1)["plays"]["affinity"]["mean"] == 0


def test_the_oracle_is_back_at_once(small_known: World) -> None:
    course = follow(small_known, OracleArm(small_known), SWITCHES["content_type"], listeners=8)
    assert recovery(course, seed=1)["plays"]["affinity"]["mean"] == 0
    assert np.abs(course.affinity[:SWITCH_AT]).max() > 0  # another mood: other items, other figures
