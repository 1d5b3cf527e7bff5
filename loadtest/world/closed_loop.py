"""Closed loop: listeners hear what an arm picks, and what they do comes back as events.

Every arm gets the same listeners, warmed up by the same sessions under the mixed policy; from
there on each listener's own random numbers go on alone. Figures are compared listener by listener.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.arms import Arm
from loadtest.world.catalogue import World
from loadtest.world.seat import warm_seat
from loadtest.world.session import Outcome

SESSIONS: Final = 2
PLAYS: Final = 10
FIRST_LISTENER: Final = 500_000  # nobody that a training log has seen
RESAMPLES: Final = 1000
FIGURES: Final = ("skip_rate", "skip_30s_rate", "listened_share", "likes", "affinity")


def run_arm(world: World, arm: Arm, *, listeners: int) -> NDArray[np.float64]:
    """Let an arm pick for everybody; returns float64[listeners, figures], means per listener."""
    seats = [warm_seat(world, FIRST_LISTENER + number) for number in range(listeners)]
    heard: list[list[Outcome]] = []
    for _ in range(SESSIONS):
        for seat in seats:
            seat.open_session()
        for _ in range(PLAYS):
            rows = arm.pick([seat.state for seat in seats], [seat.live for seat in seats])
            heard.append([seat.hear(row) for seat, row in zip(seats, rows, strict=True)])
    figures = np.array([[_figures(world, outcome) for outcome in turn] for turn in heard])
    return np.asarray(figures.mean(axis=0), dtype=np.float64)


def compare(world: World, arms: Mapping[str, Arm], *, listeners: int, seed: int) -> dict[str, Any]:
    """Run every arm; each figure with a 95 % bootstrap interval over listeners."""
    results = {name: run_arm(world, arm, listeners=listeners) for name, arm in arms.items()}
    draws = np.random.default_rng([seed, 4])
    samples = draws.integers(listeners, size=(RESAMPLES, listeners))
    return {name: _summary(figures, samples) for name, figures in results.items()}


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


def _summary(figures: NDArray[np.float64], samples: NDArray[np.int64]) -> dict[str, Any]:
    means = figures.mean(axis=0)
    low, high = np.quantile(figures[samples].mean(axis=1), [0.025, 0.975], axis=0)
    return {
        name: dict(
            zip(("mean", "low", "high"), _rounded(means[at], low[at], high[at]), strict=True)
        )
        for at, name in enumerate(FIGURES)
    }


def _rounded(*values: float) -> list[float]:
    return [round(float(value), 4) for value in values]
