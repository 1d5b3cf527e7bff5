"""After a change of mind: how many plays until it costs nothing any more.

Each listener's mood is held: music of one taste for some plays, then at a known play another taste
of music, or another content type, to the end. The same listener under the same arm who has been in
the second mood all along is the control: one mood is easier to please than another, and listeners
tire as plays go by.

    loss = the control's figure at a play - the figure of who changed their mind, at the same play

An arm has recovered at the first play after the switch from which the mean of three plays loses no
more than a tolerance. An arm that does not adapt loses nothing by it: its losses are 0 throughout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.arms import Arm
from loadtest.world.catalogue import World
from loadtest.world.closed_loop import FIGURES, hear_one, seated, together
from loadtest.world.intervals import Interval, resamples
from loadtest.world.listeners import Listener
from loadtest.world.session import Mood
from models.evaluation.intervals import F64

SWITCH_AT: Final = 12  # plays before the change
AFTER: Final = 20  # plays followed after it
WINDOW: Final = 3
NEVER: Final = AFTER - WINDOW + 1
AFFINITY_WITHIN: Final = 0.25
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
    """What a change of mind cost.

    Shapes: float64[SWITCH_AT + AFTER, listeners] each. `affinity` lost, `skips` gained, against
    the control at the same play.
    """

    affinity: F64
    skips: F64

    def around(self) -> tuple[F64, F64]:
        """float64[listeners] each: affinity lost over the first three plays, and over the last."""
        return self._lost(SWITCH_AT), self._lost(SWITCH_AT + AFTER - WINDOW)

    def _lost(self, begin: int) -> F64:
        return np.asarray(self.affinity[begin : begin + WINDOW].mean(axis=0), dtype=np.float64)


def follow(world: World, arm: Arm, switch: Switch, *, listeners: int) -> Course:
    """Let an arm pick for listeners who change their mind, and for their controls."""
    changed = _hear(world, arm, switch, listeners)
    control = _hear(world, arm, lambda listener: (switch(listener)[1],) * 2, listeners)
    affinity, skips = (FIGURES.index(name) for name in ("affinity", "skip_rate"))
    return Course(
        control[:, :, affinity] - changed[:, :, affinity],
        changed[:, :, skips] - control[:, :, skips],
    )


def _hear(world: World, arm: Arm, switch: Switch, listeners: int) -> F64:
    """float64[plays, listeners, FIGURES]."""
    seats = seated(world, listeners, first=FIRST_LISTENER)
    moods = [switch(seat.live.listener) for seat in seats]
    for seat in seats:
        seat.open_session()
    turns = []
    for play in range(SWITCH_AT + AFTER):
        for seat, (first, second) in zip(seats, moods, strict=True):
            seat.live.hold(first if play < SWITCH_AT else second)
        turns.append(hear_one(world, arm, seats))
    return together(turns).each


def plays_to_recover(loss: F64, within: float) -> NDArray[np.int64]:
    """Plays heard after the switch before it costs nothing, for rows of losses [..., plays].

    NEVER stands for "not in the plays that were followed".
    """
    after = loss[..., SWITCH_AT:]
    windows = np.lib.stride_tricks.sliding_window_view(after, WINDOW, axis=-1).mean(axis=-1)
    back = windows <= within
    return np.asarray(np.where(back.any(axis=-1), back.argmax(axis=-1), NEVER))


def recovery(course: Course, *, seed: int) -> dict[str, Any]:
    """Plays to recover in affinity and in skips; the affinity lost right after, and at the end."""
    weights = resamples(course.affinity.shape[1], seed=seed)
    tolerances = {
        "affinity": (course.affinity, AFFINITY_WITHIN),
        "skips": (course.skips, SKIPS_WITHIN),
    }
    plays = {
        name: Interval.of(
            float(plays_to_recover(each.mean(axis=1), within)),
            plays_to_recover(weights @ each.T, within).astype(np.float64),
        ).as_dict()
        for name, (each, within) in tolerances.items()
    }
    lost = {
        name: Interval.of(each.mean(), weights @ each).as_dict()
        for name, each in zip(("after", "end"), course.around(), strict=True)
    }
    return {"plays": plays, "lost": lost, "never": NEVER}
