"""Watches a canary and says when it must end. Judges by what was served; it does no I/O.

skips      listeners skip the challenger's first places more often than the champion's, beyond doubt
failures   it raised or was late
unsound    it gave a score that is no number
latency    it takes so many times longer for batches of the same size

The first one is a sequential test: looked at after every outcome, it is wrong about an equal
challenger with probability `false_alarm` at most, over the whole life of the canary, on each
worker. What it assumes: users are alike by arm before they are served (the hash sees to that), and
an arm's mean does not change meanwhile.
"""

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from service.core.slates import Outcome
from service.lifecycle.betting import LowerBound, UpperBound
from service.lifecycle.trials import Arm, Trials

BATCHES: Final = 30
"""Batches of one size, of each arm, before their times are compared; of the newest, the median."""


@dataclass(frozen=True)
class GuardLimits:
    """When a canary ends."""

    false_alarm: float = 0.05
    margin: float = 0.02  # a skip rate higher by less is no reason
    failures_max: int = 3
    latency_ratio_max: float = 3.0


@dataclass(frozen=True)
class Verdict:
    """Why it must end."""

    kind: str
    figures: str


@dataclass(frozen=True)
class Turnout:
    """How one arm did in one batch."""

    arm: Arm
    users: int
    seconds: float
    failure: str | None = None
    unsound: int = 0


@dataclass
class Guard:
    """Judges one canary from its beginning to its end."""

    limits: GuardLimits = field(default_factory=GuardLimits)
    trials: Trials = field(default_factory=Trials)
    verdict: Verdict | None = None
    _failures: int = 0
    _times: dict[tuple[Arm, int], deque[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Half of the false alarms may come from either bound."""
        self.challenger = LowerBound(self.limits.false_alarm / 2)
        self.champion = UpperBound(self.limits.false_alarm / 2)

    def ended(self, outcome: Outcome) -> None:
        """Take an outcome in."""
        observed = self.trials.ended(outcome)
        if observed is None:
            return
        arm, skipped = observed
        (self.challenger if arm == "challenger" else self.champion).see(skipped)
        low, high = self.challenger.value, self.champion.value
        if low > high + self.limits.margin:
            self._trip(
                "skips",
                f"the challenger's first places are skipped {low:.3f} of the time or more, the"
                f" champion's {high:.3f} or less ({self.challenger.count} and"
                f" {self.champion.count} users)",
            )

    def ranked(self, turnout: Turnout) -> None:
        """Take a batch in."""
        if turnout.arm == "challenger":
            self._failures += turnout.failure is not None
            if self._failures >= self.limits.failures_max:
                self._trip(
                    "failures", f"{self._failures} batches failed, the last: {turnout.failure}"
                )
            if turnout.unsound:
                self._trip("unsound", f"{turnout.unsound} scores of a batch are no numbers")
        if turnout.failure is None:
            self._time(turnout)

    def _time(self, turnout: Turnout) -> None:
        """A batch of a few users costs more for each: only batches of one size are compared."""
        size = turnout.users.bit_length()
        self._times.setdefault((turnout.arm, size), deque(maxlen=BATCHES)).append(turnout.seconds)
        mine = self._times.get(("challenger", size), deque())
        theirs = self._times.get(("champion", size), deque())
        if len(mine) < BATCHES or len(theirs) < BATCHES:
            return
        ratio = median(mine) / max(median(theirs), 1e-9)
        if ratio > self.limits.latency_ratio_max:
            self._trip("latency", f"{ratio:.1f} times the champion's median for batches of a size")

    def _trip(self, kind: str, figures: str) -> None:
        self.verdict = self.verdict or Verdict(kind, figures)
