"""Closed loop: listeners hear what an arm picks, and what they do comes back as events.

Every arm gets the same listeners, warmed up by the same sessions under the mixed policy; from
there on each listener's own random numbers go on alone. Figures are compared listener by listener.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.arms import Arm
from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.narrate import Playing, outcome_events, session_ended, start_event
from loadtest.world.plays import BETWEEN_SESSIONS_MS, START_MS, pause_ms
from loadtest.world.policy import MixedPolicy
from loadtest.world.session import LiveListener, Outcome
from service.core import events as ev
from service.core.session import EMPTY, SessionState, fold

WARM_UP_SESSIONS: Final = 2
SESSIONS: Final = 2
PLAYS: Final = 10
FIRST_LISTENER: Final = 500_000  # nobody that a training log has seen
RESAMPLES: Final = 1000
FIGURES: Final = ("skip_rate", "skip_30s_rate", "listened_share", "likes", "affinity")


@dataclass(slots=True)
class Seat:
    """A listener, what the service holds of them, and their own time."""

    live: LiveListener
    state: SessionState = EMPTY
    now_ms: int = START_MS
    offset: int = 0

    def hear(self, row: int) -> Outcome:
        """Play the item, fold what is reported of it."""
        start_ms = self.live.resume_ms.get(row, 0)
        outcome = self.live.listen(row)
        playing = Playing(
            world=self.live.world,
            user_id=self.live.listener.user_id,
            row=row,
            at_ms=self.now_ms,
            event_id=f"c{self.offset}",
            start_ms=start_ms,
        )
        for event in (start_event(playing), *outcome_events(playing, outcome)):
            self._fold(event)
        skipped = outcome.end == "skipped"
        gap_ms = pause_ms(self.live.rng, outcome.listened_ms, skipped=skipped)
        self.now_ms += outcome.listened_ms + gap_ms
        return outcome

    def open_session(self) -> None:
        """End the last session and begin one after a long pause."""
        if self.offset:
            self._fold(session_ended(self.live.listener.user_id, self.now_ms))
        self.now_ms += BETWEEN_SESSIONS_MS
        self.live.open_session()

    def _fold(self, event: ev.PlaybackEvent) -> None:
        record = ev.Record(0, self.offset, event.at_ms, None, None)
        self.state, _ = fold(self.state, event, record)
        self.offset += 1


def run_arm(world: World, arm: Arm, *, listeners: int) -> NDArray[np.float64]:
    """Let an arm pick for everybody; returns float64[listeners, figures], means per listener."""
    seats = [_warm_seat(world, FIRST_LISTENER + number) for number in range(listeners)]
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


def _warm_seat(world: World, number: int) -> Seat:
    seat = Seat(LiveListener(world, make_listener(world, number)))
    policy, last = MixedPolicy(world), None
    for _ in range(WARM_UP_SESSIONS):
        seat.open_session()
        for _ in range(PLAYS):
            row, _part = policy.choose(seat.live, last)
            last = row if seat.hear(row).end == "completed" else last
    return seat


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
