"""After a change of mind: how many plays until an arm is as good again as it was before.

Each listener's mood is held: music of one taste for some plays, then at a known play another taste
of music, or another content type, to the end. What is lost to the change is measured against the
best item of each moment, because one mood may be easier to please than another:

    gap = affinity of the best item - affinity of the arm's

An arm has recovered at the first play from which the mean of three plays is within a tolerance of
what it was over the plays before the switch. An arm that never adapted has nothing to lose: look
at its level, not at its recovery.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.arms import Arm
from loadtest.world.catalogue import World
from loadtest.world.closed_loop import FIGURES, hear_one, seated
from loadtest.world.intervals import Interval, resamples
from loadtest.world.listeners import Listener
from loadtest.world.session import Mood
from models.evaluation.intervals import F64

SWITCH_AT: Final = 12  # plays before the change
AFTER: Final = 20  # plays followed after it
LEVEL_FROM: Final = 6  # plays of finding the first mood, before its level is taken
WINDOW: Final = 3
GAP_WITHIN: Final = 0.25
SKIPS_WITHIN: Final = 0.05
FIRST_LISTENER: Final = 600_000

Switch = Callable[[Listener], tuple[Mood, Mood]]


def _tastes(listener: Listener, kind: int) -> NDArray[np.float32]:
    return np.asarray(listener.anchors[listener.anchor_types == kind])


def other_taste(listener: Listener) -> tuple[Mood, Mood]:
    """Music of one taste, then of the taste least like it."""
    mine = _tastes(listener, 0)
    far = int(np.argmin(mine @ mine[0]))
    return Mood(0, None, mine[0]), Mood(0, None, mine[far])


def other_type(listener: Listener) -> tuple[Mood, Mood]:
    """Music, then whichever other content type this listener wants most."""
    kind = 1 + int(np.argmax(listener.type_mix[1:]))
    return Mood(0, None, _tastes(listener, 0)[0]), Mood(kind, None, _tastes(listener, kind)[0])


def no_change(listener: Listener) -> tuple[Mood, Mood]:
    """Music of one taste, then the same: nothing may show."""
    mood = Mood(0, None, _tastes(listener, 0)[0])
    return mood, mood


SWITCHES: Final[Mapping[str, Switch]] = {"taste": other_taste, "content_type": other_type}


@dataclass(frozen=True)
class Course:
    """What happened around the switch: float64[SWITCH_AT + AFTER, listeners] each."""

    gap: F64
    skipped: F64

    def around(self) -> tuple[F64, F64]:
        """Each listener's mean gap before the switch, and over the three plays after it."""
        before = self.gap[LEVEL_FROM:SWITCH_AT].mean(axis=0)
        return before, self.gap[SWITCH_AT : SWITCH_AT + WINDOW].mean(axis=0)


def follow(world: World, arm: Arm, switch: Switch, *, listeners: int) -> Course:
    """Let an arm pick through a held mood, a switch and another held mood."""
    seats = seated(world, listeners, first=FIRST_LISTENER)
    moods = [switch(seat.live.listener) for seat in seats]
    everything = np.arange(len(world))
    gaps: list[F64] = []
    skips: list[F64] = []
    for seat in seats:
        seat.open_session()
    for play in range(SWITCH_AT + AFTER):
        for seat, (first, second) in zip(seats, moods, strict=True):
            seat.live.hold(first if play < SWITCH_AT else second)
        best = np.array([seat.live.affinity(everything).max() for seat in seats])
        (figures,) = hear_one(world, arm, seats).each
        gaps.append(best - figures[:, FIGURES.index("affinity")])
        skips.append(figures[:, FIGURES.index("skip_rate")])
    return Course(np.array(gaps), np.array(skips))


def plays_to_recover(levels: F64, within: float) -> NDArray[np.int64]:
    """Plays heard after the switch before the level is back, for rows of levels [..., plays].

    AFTER - WINDOW + 1 stands for "not in the plays that were followed".
    """
    before = levels[..., LEVEL_FROM:SWITCH_AT].mean(axis=-1, keepdims=True)
    after = levels[..., SWITCH_AT:]
    windows = np.lib.stride_tricks.sliding_window_view(after, WINDOW, axis=-1).mean(axis=-1)
    back = windows <= before + within
    first = back.argmax(axis=-1)
    return np.asarray(np.where(back.any(axis=-1), first, back.shape[-1]))


def recovery(course: Course, *, seed: int) -> dict[str, Any]:
    """Plays to recover in gap and skip rate, and the gap before, after and at the end."""
    weights = resamples(course.gap.shape[1], seed=seed)
    tolerances = {"gap": (course.gap, GAP_WITHIN), "skips": (course.skipped, SKIPS_WITHIN)}
    plays = {
        name: Interval.of(
            int(plays_to_recover(each.mean(axis=1), within)),
            plays_to_recover(weights @ each.T, within).astype(np.float64),
        ).as_dict()
        for name, (each, within) in tolerances.items()
    }
    before, after = course.around()
    levels = {"before": before, "after": after, "end": course.gap[-5:].mean(axis=0)}
    shown = {
        name: Interval.of(each.mean(), weights @ each).as_dict() for name, each in levels.items()
    }
    return {"plays": plays, "gap": shown, "followed": AFTER - WINDOW + 1}
