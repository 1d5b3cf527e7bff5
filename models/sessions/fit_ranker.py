"""Fit the ranker of sessions: the `next` head on examples, then its calibration on later ones.

The choice is learned from queries whose target is among their candidates. The calibration sees all
queries: what nobody proposed came next too, and makes every candidate a little less likely.
"""

from typing import Final, Protocol

import numpy as np

from models.calibration import calibrated
from models.fit_choices import choice_features, fit_choices
from models.ranker import Ranker
from models.sessions.ranker_examples import RankerExamples
from models.sessions.recipe import RankerRecipe
from models.sessions.sparse_rows import F32
from service.core.features import Features
from service.core.items import U8

QUERIES_MAX: Final = 4_000
"""Queries that the calibration looks at: about a million candidates."""


def fit_ranker(examples: RankerExamples, kinds: U8, recipe: RankerRecipe, *, seed: int) -> Ranker:
    """Train and calibrate. Examples are in order of time; kinds uint8[n items] content types.

    Raises:
        ValueError: No query's target is among its candidates.
    """
    cut = len(examples) - round(recipe.calibration_share * len(examples))
    useful = np.flatnonzero(examples.target_at[:cut] >= 0)
    if not len(useful):
        raise ValueError("no play of the newest sessions is a candidate; give a longer log")
    ranker = fit_choices(examples.pick(useful), recipe.choice, seed=seed)
    later = np.arange(cut, len(examples))
    held = examples.pick(later[-QUERIES_MAX:]) if len(later) else examples
    kind = kinds[held.rows]
    features = choice_features(held.features.astype(np.float32), kind)
    return calibrated(ranker, ranker.logits(features), held.labels[:, None], kind)


class Scoring(Protocol):
    """A ranker: the trained definition, or its graph."""

    @property
    def heads(self) -> tuple[str, ...]:
        """What the columns of a score are."""
        ...

    def score(self, features: Features) -> F32:
        """float32[m, heads]: calibrated probabilities."""
        ...


def next_of(ranker: Scoring, features: F32, kind: U8) -> F32:
    """float32[m]: how likely each candidate is what comes next."""
    return np.asarray(ranker.score(choice_features(features, kind))[:, ranker.heads.index("next")])
