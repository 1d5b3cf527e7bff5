"""What a policy would have earned, from the log of another one that drew what it showed.

With w = target probability / propensity of what was shown, and q(x, a) a model of the reward:

    ips    mean(w r)                                  unbiased, wide
    snips  sum(w r) / sum(w)                          a little biased, narrower
    dr     mean(sum_a target(a) q(x, a) + w (r - q))  unbiased, the narrower the better q is

q is fitted on other listeners than those it is used for. All of it is about the contexts of the
log: what the target's own slates would lead listeners to is not in it.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from models.evaluation.intervals import (
    Interval,
    by_group,
    ratio,
    ratio_difference,
    resamples,
)
from models.evaluation.policy_log import F64, PolicyLog
from service.core.errors import Refused

ESS_MIN: Final = 100.0
MEAN_OFF: Final = 0.1
MEAN_OFF_SPREADS: Final = 4.0
"""The mean weight is 1 but for chance; as far from it as this, the propensities are not true."""


@dataclass(frozen=True)
class Weights:
    """How much each context counts (w), and what that leaves to judge by."""

    of_context: F64

    @property
    def effective(self) -> float:
        """Kish's effective sample size: contexts' worth of evidence."""
        total, squares = float(self.of_context.sum()), float((self.of_context**2).sum())
        return total * total / max(squares, 1e-300)

    @property
    def mean(self) -> float:
        """1 but for chance, if the log covers what the target shows."""
        return float(self.of_context.mean())

    @property
    def largest(self) -> float:
        """What a single context may sway."""
        return float(self.of_context.max())

    @property
    def off_by_spreads(self) -> float:
        """How far the mean is from 1, in standard errors."""
        spread = float(self.of_context.std()) / sqrt(len(self.of_context))
        return abs(self.mean - 1) / max(spread, 1e-9)


def weights_of(log: PolicyLog, target: F64) -> Weights:
    """Weights of a target policy. Shapes: target float64[m]."""
    return Weights(target[log.chosen] / log.propensity)


def check(weights: Weights, *, ess_min: float = ESS_MIN) -> None:
    """Refuse what no estimator can mend.

    Raises:
        Refused: Says why, and what would help.
    """
    if abs(weights.mean - 1) > MEAN_OFF and weights.off_by_spreads > MEAN_OFF_SPREADS:
        raise Refused(
            f"the weights' mean is {weights.mean:.3f}, which chance does not explain"
            f" ({weights.off_by_spreads:.0f} standard errors from 1): the target shows items that"
            " were never drawn, or the propensities are not those of the draws; log all"
            " propensities of a context, and explore what the target would show"
        )
    if weights.effective < ess_min:
        raise Refused(
            f"effective sample size {weights.effective:.0f} of {len(weights.of_context)} contexts,"
            f" {ess_min:.0f} are needed: the target is too unlike what was logged (largest weight"
            f" {weights.largest:.1f}); log more, explore more, or judge a policy nearer to it"
        )


def estimate(log: PolicyLog, target: F64, expected: F64, *, seed: int = 0) -> dict[str, Interval]:
    """Value of the target by every estimator, of the logging policy, and the gain (dr - logged).

    Shapes: target, expected float64[m], probabilities and modelled rewards of each item.
    """
    groups = int(log.listener.max()) + 1
    times = resamples(groups, seed=seed)
    weight = weights_of(log, target).of_context
    modelled = np.bincount(log.owner, target * expected, len(log))
    robust = modelled + weight * (log.reward - expected[log.chosen])
    columns = {
        "count": np.ones(len(log)),
        "weight": weight,
        "weighted": weight * log.reward,
        "robust": robust,
        "reward": log.reward,
    }
    sums = {name: by_group(values, log.listener, groups) for name, values in columns.items()}
    count = sums["count"]
    return {
        "ips": ratio(sums["weighted"], count, times),
        "snips": ratio(sums["weighted"], sums["weight"], times),
        "dr": ratio(sums["robust"], count, times),
        "logged": ratio(sums["reward"], count, times),
        "gain": ratio_difference((sums["robust"], count), (sums["reward"], count), times),
    }
