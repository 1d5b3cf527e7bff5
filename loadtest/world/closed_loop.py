"""Closed loop: listeners hear what an arm picks, and what they do comes back as events.

Every arm gets the same listeners, warmed up by the same sessions under the mixed policy; from
there on each listener's own random numbers go on alone. Figures are compared listener by listener.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.arms import Arm
from loadtest.world.catalogue import World
from loadtest.world.intervals import Interval, resamples
from loadtest.world.policy import MixedPolicy
from loadtest.world.seat import Seat, warm_seat
from loadtest.world.session import Outcome
from models.evaluation.intervals import F64

SESSIONS: Final = 2
PLAYS: Final = 10
FIRST_LISTENER: Final = 500_000  # nobody that a training log has seen
FIGURES: Final = ("skip_rate", "skip_30s_rate", "listened_share", "likes", "affinity")


@dataclass(frozen=True)
class Heard:
    """What an arm's listeners heard.

    Shapes: rows int64[plays, listeners], item rows; each float64[plays, listeners, FIGURES]
    """

    rows: NDArray[np.int64]
    each: F64

    @property
    def per_listener(self) -> F64:
        """float64[listeners, figures]: means over a listener's plays."""
        return np.asarray(self.each.mean(axis=0), dtype=np.float64)


def seated(world: World, listeners: int, *, first: int = FIRST_LISTENER) -> list[Seat]:
    """Listeners `first` and on, warmed up."""
    policy = MixedPolicy(world)
    return [warm_seat(world, first + number, policy=policy) for number in range(listeners)]


def run_arm(
    world: World,
    arm: Arm,
    *,
    listeners: int,
    mid_session: Callable[[Seat], None] = lambda _: None,
) -> Heard:
    """Let an arm pick for everybody. `mid_session` is done to each seat half way."""
    seats = seated(world, listeners)
    turns: list[Heard] = []
    for _ in range(SESSIONS):
        for seat in seats:
            seat.open_session()
        turns += [hear_one(world, arm, seats) for _ in range(PLAYS // 2)]
        for seat in seats:
            mid_session(seat)
        turns += [hear_one(world, arm, seats) for _ in range(PLAYS // 2)]
    return together(turns)


def hear_one(world: World, arm: Arm, seats: Sequence[Seat]) -> Heard:
    """One play for everybody."""
    rows = arm.pick([seat.state for seat in seats], [seat.live for seat in seats])
    outcomes = [seat.hear(row) for seat, row in zip(seats, rows, strict=True)]
    figures = np.array([_figures(world, outcome) for outcome in outcomes])
    return Heard(np.array(rows, dtype=np.int64)[None], figures[None])


def together(turns: Sequence[Heard]) -> Heard:
    """Plays one after the other."""
    return Heard(
        np.concatenate([turn.rows for turn in turns]), np.concatenate([turn.each for turn in turns])
    )


def play_arms(world: World, arms: Mapping[str, Arm], *, listeners: int) -> dict[str, Heard]:
    """Run every arm on the same listeners."""
    return {name: run_arm(world, arm, listeners=listeners) for name, arm in arms.items()}


def compare(world: World, arms: Mapping[str, Arm], *, listeners: int, seed: int) -> dict[str, Any]:
    """Run every arm; each figure with a 95 % bootstrap interval over listeners."""
    return summaries(play_arms(world, arms, listeners=listeners), seed=seed)


def summaries(heard: Mapping[str, Heard], *, seed: int) -> dict[str, Any]:
    """Every arm's figures, each with a 95 % bootstrap interval over listeners."""
    return {name: _summary(each.per_listener, seed) for name, each in heard.items()}


def _summary(figures: F64, seed: int) -> dict[str, Any]:
    drawn = resamples(len(figures), seed=seed) @ figures
    return {
        name: Interval.of(figures[:, at].mean(), drawn[:, at]).as_dict()
        for at, name in enumerate(FIGURES)
    }


def _figures(world: World, outcome: Outcome) -> tuple[float, ...]:
    length_ms = 1000 * float(world.table.duration_s[outcome.row])
    skipped = outcome.end == "skipped"
    early = skipped and outcome.listened_ms < 30_000
    return (
        float(skipped),
        float(early),
        min(outcome.listened_ms / length_ms, 1.0),
        float(outcome.liked > 0),
        outcome.affinity,
    )
