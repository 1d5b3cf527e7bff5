"""Normalised regret: how much of the way from chance to the oracle an arm leaves undone.

    regret = (oracle - arm) / (oracle - random)      0 the oracle's, 1 chance's

The same for a rate that should be low and a share that should be high. The oracle takes the best
item of the moment and looks no further ahead, so that an arm could in principle go below 0.
"""

from collections.abc import Mapping
from typing import Any, Final

from loadtest.world.closed_loop import FIGURES, Heard
from loadtest.world.intervals import Interval, paired, resamples

OF: Final = ("skip_rate", "listened_share", "affinity")
FLOOR: Final = "random"
CEILING: Final = "oracle"


def regrets(heard: Mapping[str, Heard], *, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Every arm's regret in every figure of OF, with a paired bootstrap over listeners."""
    return {
        name: {figure: _regret(heard, name, figure, seed).as_dict() for figure in OF}
        for name in heard
        if name not in (FLOOR, CEILING)
    }


def leads(heard: Mapping[str, Heard], ours: str, *, seed: int) -> dict[str, Any]:
    """What `ours` has more of than each other arm, listener by listener."""
    return {
        other: {
            figure: paired(
                _column(heard[ours], figure), _column(heard[other], figure), seed=seed
            ).as_dict()
            for figure in OF
        }
        for other in heard
        if other != ours
    }


def _regret(heard: Mapping[str, Heard], arm: str, figure: str, seed: int) -> Interval:
    floor, mine, ceiling = (_column(heard[name], figure) for name in (FLOOR, arm, CEILING))
    weights = resamples(len(mine), seed=seed)
    mean = (ceiling - mine).mean() / (ceiling - floor).mean()
    return Interval.of(mean, weights @ (ceiling - mine) / (weights @ (ceiling - floor)))


def _column(heard: Heard, figure: str) -> Any:
    return heard.per_listener[:, FIGURES.index(figure)]
