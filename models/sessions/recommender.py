"""The trained recommender: base models, candidates, ranker; and how all of it is fitted.

The ranker learns on the newest slice of the log, from base models that have not seen that slice:
else it would trust them for what they remember. Then the base models are fitted again on all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.sessions.bases import Bases, fit_bases
from models.sessions.fit_ranker import Scoring, fit_ranker, next_of
from models.sessions.metrics import UNREACHED
from models.sessions.queries import Queries, every_prefix
from models.sessions.ranker_examples import Found, RankerExamples, find
from models.sessions.read import I64, SessionLog
from models.sessions.recipe import Recipe
from models.sessions.sparse_rows import F32
from models.sessions.split import split_by_time
from models.sessions.timing import Timing
from service.core.items import U8

DENSE_BLOCK: Final = 256


@dataclass(frozen=True)
class SessionRecommender:
    """What is served: the union of candidates, ranked. kinds uint8[n items]: content types."""

    bases: Bases
    ranker: Scoring
    kinds: U8
    recipe: Recipe
    name: str = "ranked"

    def ranks(self, queries: Queries) -> I64:
        """Rank of each target; UNREACHED if nobody proposed it."""
        parts = [self.ranks_of(found) for found in find(self.bases, queries, self.recipe)]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def ranks_of(self, found: Found) -> I64:
        """The same, for one block whose candidates are already there."""
        return union_ranks(self.scores(found), found)

    def scores(self, found: Found) -> F32:
        """float32[m]: how likely each candidate is what comes next."""
        return next_of(self.ranker, found.features, self.kinds[found.union.items])


def union_ranks(scores: F32, found: Found) -> I64:
    """Rank of each target among its query's candidates, ties before it."""
    at, owner = found.target_at, found.union.owner
    mine = np.where(at >= 0, scores[at], np.inf)
    before = np.bincount(owner, scores >= mine[owner], len(at)).astype(np.int64)
    return np.where(at >= 0, before, UNREACHED)


@dataclass(frozen=True)
class EncoderAlone:
    """The encoder's own order of all items."""

    bases: Bases
    name: str = "encoder"

    def ranks(self, queries: Queries) -> I64:
        """Exact, over every item."""
        parts = [self._block(queries.take(part)) for part in _blocks(len(queries))]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _block(self, queries: Queries) -> I64:
        scores = queries.direction @ self.bases.index.vectors.T
        mine = np.take_along_axis(scores, np.maximum(queries.target, 0)[:, None], axis=1)
        before = (scores >= mine).sum(axis=1)
        return np.where(queries.target >= 0, before, UNREACHED).astype(np.int64)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(at, at + DENSE_BLOCK) for at in range(0, count, DENSE_BLOCK))


def fit_recommender(
    log: SessionLog, kinds: U8, recipe: Recipe, *, seed: int, timing: Timing
) -> SessionRecommender:
    """Train by the recipe on a whole log; kinds uint8[n items] content types."""
    return fit_with_examples(log, kinds, recipe, seed=seed, timing=timing)[0]


def fit_with_examples(
    log: SessionLog, kinds: U8, recipe: Recipe, *, seed: int, timing: Timing
) -> tuple[SessionRecommender, RankerExamples]:
    """The same, and what its ranker learned from: a baseline may learn from it too."""
    split = split_by_time(log, recipe.ranker.slice_share)
    with timing.of("bases of the earlier part"):
        earlier = fit_bases(split.earlier, kinds, recipe, seed=seed)
    with timing.of("ranker's examples"):
        examples = ranker_examples(earlier, split.later, split.earlier, recipe, seed=seed)
    with timing.of("ranker"):
        ranker = fit_ranker(examples, kinds, recipe.ranker, seed=seed)
    with timing.of("bases of everything"):
        bases = fit_bases(log, kinds, recipe, seed=seed)
    return SessionRecommender(bases, ranker, kinds, recipe), examples


def ranker_examples(
    bases: Bases, log: SessionLog, before: SessionLog, recipe: Recipe, *, seed: int
) -> RankerExamples:
    """Queries of sessions that the bases have not seen, drawn by chance if there are too many."""
    queries = every_prefix(log, bases.encoder, before=before)
    most = recipe.ranker.queries_max
    if len(queries) > most:
        draws = np.random.default_rng([seed, 14])
        queries = queries.take(np.sort(draws.choice(len(queries), most, replace=False)))
    return RankerExamples.collect(find(bases, queries, recipe))
