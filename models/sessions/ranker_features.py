"""The ranker's input: a row per candidate, the same columns for training, judging and serving.

Counts and scores enter as logarithms or shares, so that a log ten times as large looks the same.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from models.sessions.bases import Bases
from models.sessions.candidates import Evidence, Union
from models.sessions.queries import RECENT, Queries
from models.sessions.read import I32
from models.sessions.ring_features import RING_FEATURES, ring_features
from models.sessions.sparse_rows import F32, look_up

FEATURES: Final = (
    "encoder", "encoder_gap", "encoder_rank",
    "neighbours", "neighbours_share", "neighbours_count", "neighbours_rank",
    "narrow", "narrow_share",
    "follows_share", "follows_count", "follows_lately", "follows_back",
    "soon_last", "soon_second", "soon_third", "soon_all", "soon_back",
    "popular", "popular_lately", "popular_now", "unseen_for",
    "cosine_last", "cosine_mean",
    "heard", "heard_last", "heard_nearness",
    "length", "last_leaves", "last_popular",
    "hybrid", "hybrid_rank", *RING_FEATURES,
)  # fmt: skip
"""Order is the model's input order."""

HYBRID_WEIGHT: Final = 0.3


@dataclass(frozen=True)
class Block:
    """A batch of queries beside their candidates: everything features are made of."""

    bases: Bases
    queries: Queries
    evidence: Evidence
    union: Union

    @cached_property
    def last(self) -> I32:
        """int32[m]: the newest play, per candidate."""
        return self.queries.last[self.union.owner]

    def per_candidate(self, values: F32) -> F32:
        """A value per query, repeated for its candidates."""
        return values[self.union.owner]

    def best(self, values: F32) -> F32:
        """float32[m]: the largest value among the candidates of the same query."""
        starts = self.union.starts
        some = starts[1:] > starts[:-1]
        top = np.zeros(len(starts) - 1, dtype=np.float32)
        if some.any():
            top[some] = np.maximum.reduceat(values, starts[:-1][some])
        return top[self.union.owner]

    def rank(self, values: F32) -> F32:
        """float32[m]: logarithm of the place among the query's candidates, best is 0."""
        order = np.lexsort((-values, self.union.owner))
        place = np.empty(len(values), dtype=np.float32)
        place[order] = np.arange(len(values)) - self.union.starts[self.union.owner[order]]
        return np.log1p(place)

    @cached_property
    def cosines(self) -> F32:
        """float32[m, 3]: to where the encoder points, to the last play, to the session's mean."""
        encoder, recent = self.bases.encoder, self.queries.of_session
        vectors = encoder.table[recent]  # -1 is the last row, the unknown item's: zero
        mean = vectors.sum(axis=1)
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
        towards = np.stack([self.queries.direction, vectors[:, 0], mean], axis=2)
        result = np.empty((len(self.union.items), 3), dtype=np.float32)
        for query, (begin, end) in enumerate(
            zip(self.union.starts[:-1], self.union.starts[1:], strict=True)
        ):
            result[begin:end] = encoder.table[self.union.items[begin:end]] @ towards[query]
        return result


def features_of(block: Block) -> F32:
    """float32[m, features], columns in FEATURES order."""
    columns = {
        **_from_encoder(block),
        **_from_neighbours(block),
        **_from_transitions(block),
        **_from_counts(block),
        **_from_session(block),
        **ring_features(block.queries, block.union.owner, block.union.items),
    }
    hybrid = columns["neighbours_share"] + HYBRID_WEIGHT * columns["follows_share"]
    columns |= {"hybrid": hybrid, "hybrid_rank": block.rank(hybrid)}
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _from_encoder(block: Block) -> dict[str, F32]:
    score = 10 * block.cosines[:, 0]
    return {
        "encoder": score,
        "encoder_gap": score - block.best(score),
        "encoder_rank": block.rank(score),
        "cosine_last": block.cosines[:, 1],
        "cosine_mean": block.cosines[:, 2],
    }


def _from_neighbours(block: Block) -> dict[str, F32]:
    owner, items = block.union.owner, block.union.items
    score = look_up(block.evidence.scores, owner, items)
    narrow = look_up(block.evidence.narrow, owner, items)
    return {
        "neighbours": np.log1p(score),
        "neighbours_share": score / np.maximum(block.best(score), 1e-6),
        "neighbours_count": np.log1p(look_up(block.evidence.counts, owner, items)),
        "neighbours_rank": block.rank(score),
        "narrow": np.log1p(narrow),
        "narrow_share": narrow / np.maximum(block.best(narrow), 1e-6),
    }


def _from_transitions(block: Block) -> dict[str, F32]:
    counts, items, recent = block.bases.transitions, block.union.items, block.queries.of_session
    follows = look_up(counts.follows, block.last, items)
    leaves = np.maximum(counts.leaves[block.last], 1)
    soon = [look_up(counts.soon, recent[block.union.owner, p], items) for p in range(RECENT // 2)]
    total = sum((part / (1 + p) for p, part in enumerate(soon)), start=np.zeros_like(soon[0]))
    return {
        "follows_share": follows / leaves,
        "follows_count": np.log1p(follows),
        "follows_lately": np.log1p(look_up(counts.follows_lately, block.last, items)),
        "follows_back": np.log1p(look_up(counts.follows, items, block.last)),
        "soon_last": np.log1p(soon[0]),
        "soon_second": np.log1p(soon[1]),
        "soon_third": np.log1p(soon[2]),
        "soon_all": np.log1p(total),
        "soon_back": np.log1p(look_up(counts.soon, items, block.last)),
    }


def _from_counts(block: Block) -> dict[str, F32]:
    counts, items = block.bases.transitions, block.union.items
    popularity = counts.popularity[items]
    last = np.maximum(block.queries.last, 0)
    return {
        "popular": popularity[:, 0],
        "popular_lately": popularity[:, 1],
        "popular_now": popularity[:, 2],
        "unseen_for": np.log(counts.last_seen[items] + 1e-4),
        "last_leaves": block.per_candidate(np.log1p(counts.leaves[last])),
        "last_popular": block.per_candidate(counts.popularity[last, 1]),
    }


def _from_session(block: Block) -> dict[str, F32]:
    heard = block.queries.of_session[block.union.owner] == block.union.items[:, None]
    nearness = (heard / (1.0 + np.arange(RECENT))).max(axis=1)
    return {
        "heard": heard.any(axis=1).astype(np.float32),
        "heard_last": heard[:, 0].astype(np.float32),
        "heard_nearness": nearness.astype(np.float32),
        "length": block.per_candidate(np.log1p(block.queries.length.astype(np.float32))),
    }
