"""A change of mind at a known play: the mood holds, and recovery is counted as it should be."""

import numpy as np
import pytest

from loadtest.world.arms import OracleArm
from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.recovery import (
    AFTER,
    SWITCH_AT,
    SWITCHES,
    WINDOW,
    follow,
    no_change,
    plays_to_recover,
    recovery,
)
from loadtest.world.session import LiveListener

NEVER = AFTER - WINDOW + 1


@pytest.mark.parametrize(("bad", "expected"), [(0, 0), (1, 1), (5, 5), (AFTER, NEVER)])
def test_an_arm_has_recovered_when_three_plays_are_as_good_as_before(
    bad: int, expected: int
) -> None:
    gap = np.ones(SWITCH_AT + AFTER)
    gap[SWITCH_AT : SWITCH_AT + bad] += 10
    assert plays_to_recover(gap, 0.25) == expected


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


def test_the_oracle_loses_nothing_to_a_switch(small_known: World) -> None:
    course = follow(small_known, OracleArm(small_known), SWITCHES["taste"], listeners=8)
    assert course.gap.shape == (SWITCH_AT + AFTER, 8)
    assert np.abs(course.gap).max() == pytest.approx(0, abs=1e-6)
    assert recovery(course, seed=1)["plays"]["gap"]["mean"] == 0
