"""`segue evaluate policy`: the target's probabilities, the checks, the estimates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.evaluation.off_policy import Weights, check, estimate, weights_of
from models.evaluation.policy_log import F64, PolicyLog
from models.evaluation.reward_model import cross_fitted_rewards
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.features import Features
from service.core.utility import Utility


@dataclass(frozen=True)
class Drawing:
    """How scores become a policy: softmax at a temperature, and a share by chance."""

    temperature: float = 1.0
    explore: float = 0.0

    def probabilities(self, scores: F64, log: PolicyLog) -> F64:
        """float64[m], adding up to 1 in each context."""
        owner, count = log.owner, np.diff(log.starts)
        best = np.maximum.reduceat(scores, log.starts[:-1])
        raised = np.exp((scores - best[owner]) / self.temperature)
        total = np.bincount(owner, raised, len(log))
        return (1 - self.explore) * raised / total[owner] + self.explore / count[owner]


def evaluate_policy(
    log: PolicyLog, folder: Path | None, drawing: Drawing, *, ess_min: float, seed: int = 0
) -> dict[str, Any]:
    """Judge a target: a model folder's ranker, else the log's own `target` or `scores`.

    Raises:
        Refused: The log cannot answer; says why and what would help.
    """
    target = target_of(log, folder, drawing)
    weights = weights_of(log, target)
    check(weights, ess_min=ess_min)
    found = estimate(log, target, cross_fitted_rewards(log, seed=seed), seed=seed)
    report = {name: interval.figures() for name, interval in found.items()}
    return {**report, **_evidence(log, weights), **_truth(log, target)}


def target_of(log: PolicyLog, folder: Path | None, drawing: Drawing) -> F64:
    """float64[m]: the target's probability of each item.

    Raises:
        Refused: The log holds nothing that they could be made of.
    """
    if folder is not None:
        return drawing.probabilities(_utility(log, folder), log)
    if log.target is not None:
        return log.target
    if log.scores is not None:
        return drawing.probabilities(log.scores, log)
    raise Refused("no target: name a model folder, or log `target` or `scores` on every row")


def _utility(log: PolicyLog, folder: Path) -> F64:
    if log.session is None or log.candidates is None or log.kinds is None:
        raise Refused(
            f"{folder} needs features: log `session`, `candidates` and `kinds` on every row, or"
            " give the target's probabilities in the log"
        )
    scorer = OnnxScorer.load(folder)
    features = Features(log.session, log.owner.astype(np.int32), log.candidates, log.kinds)
    return (scorer.score(features) @ Utility().weights(scorer.heads)).astype(np.float64)


def _evidence(log: PolicyLog, weights: Weights) -> dict[str, Any]:
    return {
        "contexts": len(log),
        "listeners": int(log.listener.max()) + 1,
        "effective_sample_size": round(weights.effective, 1),
        "weight_max": round(weights.largest, 3),
        "weight_mean": round(weights.mean, 4),
        "reward_model": "item means" if log.candidates is None else "trees, cross-fitted",
    }


def _truth(log: PolicyLog, target: F64) -> dict[str, Any]:
    """The simulator knows what it would have been; nobody else does."""
    if log.expected is None:
        return {"simulated": False}
    value = float((target * log.expected).sum() / len(log))
    return {"simulated": True, "truth": round(value, 5)}
