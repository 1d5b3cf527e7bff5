"""A model of the reward for the doubly robust estimate: never asked about whom it learned from.

With features, trees over the session's and the item's; without, each item's mean reward, leaning on
the mean of all.
"""

from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.evaluation.policy_log import F64, PolicyLog

FOLDS: Final = 5
ROUNDS: Final = 80
LEAN: Final = 5.0  # rewards that the mean of all weighs
TREES: Final[dict[str, Any]] = {
    "objective": "regression",
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "learning_rate": 0.06,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}


def cross_fitted_rewards(log: PolicyLog, *, seed: int = 0) -> F64:
    """float64[m]: modelled reward of every item, by a model that has not seen its listener."""
    fold = _folds(log, seed)
    found = np.empty(len(log.item))
    for held_out in range(FOLDS):
        asked = fold[log.owner] == held_out
        if asked.any():
            found[asked] = _fit_and_ask(log, fold != held_out, asked, seed)
    return found


def _folds(log: PolicyLog, seed: int) -> NDArray[np.int64]:
    """int64[n]: the fold of each context, the same for all of a listener."""
    count = int(log.listener.max()) + 1
    order = np.random.default_rng([seed, 23]).permutation(count)
    return np.asarray(order[log.listener] % FOLDS)


def _fit_and_ask(
    log: PolicyLog, learned: NDArray[np.bool_], asked: NDArray[np.bool_], seed: int
) -> F64:
    shown = log.chosen[learned]
    if not len(shown):  # one listener alone: nobody to learn from
        return np.zeros(int(asked.sum()))
    if log.session is None or log.candidates is None:
        return _item_means(log, shown, log.reward[learned])[log.item[asked]]
    features = np.hstack([log.session[log.owner], log.candidates])
    data = lightgbm.Dataset(features[shown], log.reward[learned], free_raw_data=False)
    model = lightgbm.train({**TREES, "seed": seed}, data, num_boost_round=ROUNDS)
    return np.asarray(model.predict(features[asked]), dtype=np.float64)


def _item_means(log: PolicyLog, shown: NDArray[np.int64], reward: F64) -> F64:
    items = int(log.item.max()) + 1
    mean = reward.mean()
    count = np.bincount(log.item[shown], minlength=items)
    total = np.bincount(log.item[shown], reward, items)
    return np.asarray((total + LEAN * mean) / (count + LEAN))
