"""Comparisons that must show nothing; one that does says that the simulator or the figures lie.

Each has an interval that allows for how many there are (Bonferroni, 5 % over all of them together),
and a verdict: quiet, or loud.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from loadtest.world.arms import Arm, RandomArm
from loadtest.world.catalogue import World
from loadtest.world.closed_loop import FIGURES, Heard, run_arm
from loadtest.world.intervals import Interval, paired, resamples
from loadtest.world.recovery import Course
from loadtest.world.seat import Seat
from service.core.events import CONTENT_TYPES
from service.core.steering import SteerIntent

OF: Final = ("skip_rate", "affinity")
FALSE_ALARMS: Final = 0.05
CHECKS: Final = 11  # two figures of each placebo, one of the switch
LEVEL: Final = 1 - FALSE_ALARMS / CHECKS
NEUTRAL: Final = SteerIntent(include_types=tuple(CONTENT_TYPES))
"""Lifts exclusions that nobody made."""


@dataclass(frozen=True)
class Placebo:
    """A comparison and what it showed: what the first has more of than the second."""

    name: str
    differences: Mapping[str, Interval]
    one_sided: bool = False  # loud only if the first is the better one

    @property
    def loud(self) -> bool:
        """Whether any difference is more than chance allows."""
        if not self.one_sided:
            return not all(each.holds_zero for each in self.differences.values())
        lower = self.differences["skip_rate"].high < 0
        return lower or self.differences["affinity"].low > 0

    def as_dict(self) -> dict[str, Any]:
        """For reports."""
        shown = {name: each.as_dict() for name, each in self.differences.items()}
        return {"differences": shown, "verdict": "loud" if self.loud else "quiet"}


def of_pair(name: str, left: Heard, right: Heard, *, seed: int, one_sided: bool = False) -> Placebo:
    """The same listeners under two arms."""
    a, b = left.per_listener, right.per_listener
    return Placebo(
        name,
        {
            figure: paired(a[:, at], b[:, at], seed=seed, level=LEVEL)
            for figure in OF
            for at in (FIGURES.index(figure),)
        },
        one_sided,
    )


def of_halves(heard: Heard, *, seed: int) -> Placebo:
    """Two halves of an arm's listeners, drawn by lot: an A/A split."""
    figures = heard.per_listener
    order = np.random.default_rng([seed, 6]).permutation(len(figures))
    left, right = figures[order[: len(order) // 2]], figures[order[len(order) // 2 :]]
    apart = left.mean(axis=0) - right.mean(axis=0)
    drawn = resamples(len(left), seed=seed) @ left - resamples(len(right), seed=seed + 1) @ right
    at = {figure: FIGURES.index(figure) for figure in OF}
    return Placebo(
        "two halves of the listeners",
        {name: Interval.of(apart[i], drawn[:, i], level=LEVEL) for name, i in at.items()},
    )


def of_no_switch(course: Course, *, seed: int) -> Placebo:
    """What is lost to a switch to the same mood."""
    after, _ = course.around()
    lost = paired(after, np.zeros_like(after), seed=seed, level=LEVEL)
    return Placebo("a switch to the same mood", {"affinity": lost})


def placebos(
    world: World, heard: Mapping[str, Heard], segue: Arm, untaught: Arm, *, seed: int
) -> Sequence[Placebo]:
    """All but the switch.

    `heard` has random, popular and segue; `untaught` learned from shuffled labels.
    """
    listeners = heard["segue"].rows.shape[1]
    other_chance = run_arm(world, RandomArm(world, seed + 1), listeners=listeners)
    again = run_arm(world, segue, listeners=listeners)
    steered = run_arm(world, segue, listeners=listeners, mid_session=steer_nowhere)
    shuffled = run_arm(world, untaught, listeners=listeners)
    return [
        of_pair("chance, two seeds", heard["random"], other_chance, seed=seed),
        of_pair("the service, twice", heard["segue"], again, seed=seed),
        of_halves(heard["segue"], seed=seed),
        of_pair("steered nowhere", steered, heard["segue"], seed=seed),
        of_pair(
            "shuffled labels above the charts",
            shuffled,
            heard["popular"],
            seed=seed,
            one_sided=True,
        ),
    ]


def steer_nowhere(seat: Seat) -> None:
    """Tell the service of a wish that changes nothing."""
    seat.steer(NEUTRAL)
