"""LightGBM LambdaRank on the very examples and features of the network: a baseline, not served.

Trees rank well and cost several times what the network costs; what they gain or lose belongs in the
report beside it.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.sessions.bases import Bases
from models.sessions.queries import Queries
from models.sessions.ranker_examples import Found, RankerExamples, find
from models.sessions.read import I64
from models.sessions.recipe import Recipe
from models.sessions.recommender import union_ranks
from models.sessions.sparse_rows import F32

ROUNDS: Final = 150
QUERIES_MAX: Final = 24_000
SETTINGS: Final = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 30,
    "num_leaves": 63,
    "learning_rate": 0.08,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "num_threads": 1,  # on a busy machine its threads wait for each other, a hundred times slower
    "verbosity": -1,
}


@dataclass(frozen=True)
class Trees:
    """The same candidates and features as the recommender's, ordered by trees."""

    bases: Bases
    booster: Any
    recipe: Recipe
    name: str = "trees"

    def ranks(self, queries: Queries) -> I64:
        """Rank of each target; UNREACHED if nobody proposed it."""
        parts = [self.ranks_of(found) for found in find(self.bases, queries, self.recipe)]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def ranks_of(self, found: Found) -> I64:
        """The same, for one block whose candidates are already there."""
        scores: F32 = np.asarray(self.booster.predict(found.features), dtype=np.float32)
        return union_ranks(scores, found)


def fit_trees(
    bases: Bases, examples: RankerExamples, recipe: Recipe, *, seed: int, rounds: int = ROUNDS
) -> Trees:
    """Train on queries whose target is among their candidates, the newest 24,000 of them."""
    import lightgbm as lgb  # noqa: PLC0415 - a second to load, and only a baseline

    useful = np.flatnonzero(examples.target_at >= 0)[-QUERIES_MAX:]
    chosen = examples.pick(useful)
    features = chosen.features.astype(np.float32)
    data = lgb.Dataset(features, chosen.labels, group=np.diff(chosen.starts))
    settings = SETTINGS | {"seed": seed}
    return Trees(bases, lgb.train(settings, data, num_boost_round=rounds), recipe)
