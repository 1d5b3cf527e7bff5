"""The canary's guard: wrong about an equal challenger as rarely as it says, quick about a bad one.

Listeners differ: each has a skip rate of its own, which one outcome after another would mistake for
the model's.
"""

from statistics import median

import numpy as np
import pytest

from service.core.events import EventId, ItemId, UserId
from service.core.slates import Outcome
from service.lifecycle.betting import LowerBound, UpperBound
from service.lifecycle.guard import BATCHES, Guard, GuardLimits, Turnout
from service.lifecycle.trials import SLATES_MAX, TRIALS, Trials

RATE, SPREAD = 0.35, 0.2


def outcome(user: str, version: int | None, kind: str = "skipped", slot: int | None = 0) -> Outcome:
    return Outcome(
        user_id=UserId(user),
        session_id="s",
        event_id=EventId("e"),
        offset=0,
        type=kind,
        item_id=ItemId("i"),
        content_type="music",
        at_ms=0,
        slate_version=version,
        slot=slot,
    )


def play(guard: Guard, user: str, arm: str, skips: int) -> None:
    for version in range(TRIALS):
        guard.trials.served(UserId(user), version, arm)
        guard.ended(outcome(user, version, "skipped" if version < skips else "completed"))


def canary(seed: int, users: int, *, share: float, worse: float, margin: float) -> int | None:
    """Play a canary; return after how many users it was ended, None if never."""
    draws = np.random.default_rng(seed)
    guard = Guard(GuardLimits(margin=margin))
    for n in range(users):
        arm = "challenger" if draws.random() < share else "champion"
        rate = np.clip(draws.normal(RATE, SPREAD), 0, 1) + worse * (arm == "challenger")
        play(guard, f"u{n}", arm, int(draws.binomial(TRIALS, np.clip(rate, 0, 1))))
        if guard.verdict is not None:
            assert guard.verdict.kind == "skips"
            return n + 1
    return None


@pytest.mark.slow
def test_an_equal_challenger_is_ended_in_at_most_five_of_a_hundred_canaries() -> None:
    ended = [canary(seed, 500, share=0.5, worse=0.0, margin=0.0) for seed in range(100)]
    assert sum(at is not None for at in ended) <= 5


def test_a_bad_challenger_is_ended_before_it_has_served_many() -> None:
    ended = [canary(seed, 600, share=0.3, worse=0.3, margin=0.02) for seed in range(20)]
    assert None not in ended
    assert median(at for at in ended if at is not None) < 200


def test_a_better_challenger_is_left_alone() -> None:
    assert canary(1, 300, share=0.5, worse=-0.2, margin=0.0) is None


@pytest.mark.slow
def test_bounds_cover_the_mean_at_every_moment_at_once() -> None:
    """At 90 % each, looked at after each of 200 observations."""
    missed = {"low": 0, "high": 0}
    for seed in range(100):
        draws = np.random.default_rng([7, seed])
        low, high = LowerBound(0.1), UpperBound(0.1)
        for x in draws.beta(2, 5, 200):
            low.see(float(x))
            high.see(float(x))
        missed["low"] += low.value > 2 / 7
        missed["high"] += high.value < 2 / 7
        assert high.value - low.value < 0.25
    assert max(missed.values()) <= 10


def test_an_observation_out_of_bounds_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        LowerBound(0.05).see(1.01)


def test_a_challenger_that_keeps_failing_is_ended_and_a_champion_is_not() -> None:
    for arm, kind in (("champion", None), ("challenger", "failures")):
        guard = Guard()
        for _ in range(GuardLimits().failures_max):
            guard.ranked(Turnout(arm, 4, 0.0, "late"))
        assert (guard.verdict.kind if guard.verdict else None) == kind


def test_one_score_that_is_no_number_ends_the_canary() -> None:
    guard = Guard()
    guard.ranked(Turnout("challenger", 4, 0.001, unsound=1))
    assert guard.verdict
    assert guard.verdict.kind == "unsound"


@pytest.mark.parametrize(("ratio", "ends"), [(2.9, False), (3.1, True)])
def test_a_slow_challenger_is_ended_when_batches_of_a_size_take_three_times_as_long(
    ratio: float, ends: bool
) -> None:
    guard = Guard()
    for _ in range(BATCHES):
        guard.ranked(Turnout("champion", 4, 0.001))
        guard.ranked(Turnout("challenger", 5, 0.001 * ratio))
    assert (guard.verdict is not None) is ends


def test_large_batches_of_one_arm_are_not_compared_with_small_ones_of_the_other() -> None:
    guard = Guard()
    for _ in range(2 * BATCHES):
        guard.ranked(Turnout("champion", 1, 0.001))
        guard.ranked(Turnout("challenger", 64, 0.03))
    assert guard.verdict is None


# Trials: which outcome counts for whom


def observed(trials: Trials, *outcomes: Outcome) -> list[tuple[str, float]]:
    return [seen for one in outcomes if (seen := trials.ended(one)) is not None]


def test_a_user_counts_once_with_the_share_of_its_trials_that_were_skipped() -> None:
    trials = Trials()
    for version in range(2 * TRIALS):
        trials.served(UserId("u"), version, "champion")
    ends = [outcome("u", v, "skipped" if v == 0 else "completed") for v in range(2 * TRIALS)]
    assert observed(trials, *ends) == [("champion", 1 / TRIALS)]


def test_an_outcome_told_twice_counts_once() -> None:
    trials = Trials()
    trials.served(UserId("u"), 1, "champion")
    assert observed(trials, *[outcome("u", 1)] * (TRIALS + 1)) == []


def test_each_arm_has_what_it_served_itself() -> None:
    trials = Trials()
    for version in range(2 * TRIALS):
        trials.served(UserId("u"), version, "challenger" if version % 2 else "champion")
    ends = [outcome("u", v, "skipped" if v % 2 else "completed") for v in range(2 * TRIALS)]
    assert observed(trials, *ends) == [("champion", 0.0), ("challenger", 1.0)]


@pytest.mark.parametrize(
    "other",
    [
        outcome("u", 1, slot=1),
        outcome("u", None, slot=None),
        outcome("u", 2),
        outcome("somebody", 1),
        outcome("u", 1, "started"),
        outcome("u", 1, "liked"),
    ],
)
def test_what_is_no_end_of_a_first_place_of_ours_ends_no_trial(other: Outcome) -> None:
    trials = Trials()
    trials.served(UserId("u"), 1, "champion")
    trials.ended(other)
    assert trials._users[UserId("u")].served == {1: "champion"}
    assert trials._users[UserId("u")].ends == {}


def test_memory_is_bounded_and_the_newest_are_kept() -> None:
    trials = Trials(users_max=10)
    for n in range(50):
        for version in range(2 * SLATES_MAX):
            trials.served(UserId(f"u{n}"), version, "champion")
    assert list(trials._users) == [f"u{n}" for n in range(40, 50)]
    assert list(trials._users[UserId("u49")].served) == list(range(SLATES_MAX, 2 * SLATES_MAX))


def test_a_deleted_user_is_forgotten() -> None:
    trials = Trials()
    trials.served(UserId("u"), 1, "champion")
    trials.forget(UserId("u"))
    assert len(trials) == 0
