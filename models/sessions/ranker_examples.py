"""What the ranker learns from: queries with their candidates, one of which came next.

Features are kept in half precision: they are logarithms, shares and cosines of a few digits, and
there are millions of rows of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.sessions.bases import Bases
from models.sessions.queries import Queries
from models.sessions.read import I32, I64
from models.sessions.recipe import Recipe
from models.sessions.sparse_rows import F32
from service.core.retrieval.evidence import EVIDENCE_FEATURES
from service.core.retrieval.index import Limits
from service.core.retrieval.retrieve import Retriever

BLOCK: Final = 256
"""Queries at a time: their features stay within some tens of megabytes."""


@dataclass(frozen=True)
class Union:
    """Distinct candidates, query by query: owner, items int32[m], starts int64[n + 1]."""

    owner: I32
    items: I32
    starts: I64


@dataclass(frozen=True)
class Found:
    """A block of queries, what was proposed for them, and where the target is (-1: nowhere).

    Shapes: features float32[m, f] as in EVIDENCE_FEATURES; sources uint32[m], bit s set when source
    s of the index proposed it.
    """

    queries: Queries
    union: Union
    sources: NDArray[np.uint32]
    features: F32
    target_at: I64


def limits_of(recipe: Recipe) -> Limits:
    """How much the sources may propose by a recipe."""
    return Limits(encoder=recipe.per_source, hybrid=recipe.per_source)


def find(bases: Bases, queries: Queries, recipe: Recipe) -> Iterator[Found]:
    """Candidates and features of all queries, a block at a time, by the service's own retrieval."""
    retriever = Retriever(bases.index, limits_of(recipe))
    for begin in range(0, len(queries), BLOCK):
        part = queries.take(slice(begin, begin + BLOCK))
        got = retriever.retrieve(part.recent, part.current, part.direction)
        starts = np.searchsorted(got.owner, np.arange(len(part) + 1)).astype(np.int64)
        union = Union(got.owner, got.items, starts)
        yield Found(part, union, got.sources, got.evidence, _target_at(union, part.target))


def _target_at(union: Union, target: I32) -> I64:
    at = np.full(len(target), -1, dtype=np.int64)
    hits = np.flatnonzero(union.items == target[union.owner])
    at[union.owner[hits]] = hits
    return at


@dataclass(frozen=True)
class RankerExamples:
    """Queries and their candidates.

    Shapes: features float16[m, f]; starts int64[n + 1]; target_at int64[n], from the query's start,
    -1 where no candidate came next; rows int32[m], the candidates' items.
    """

    features: NDArray[np.float16]
    starts: I64
    target_at: I64
    rows: I32

    def __len__(self) -> int:
        """How many queries there are."""
        return len(self.target_at)

    @classmethod
    def collect(cls, found: Iterator[Found]) -> Self:
        """Keep all queries that have a candidate."""
        parts: list[NDArray[np.float16]] = [np.empty((0, len(EVIDENCE_FEATURES)), np.float16)]
        lengths: list[I64] = [np.empty(0, np.int64)]
        targets: list[I64] = [np.empty(0, np.int64)]
        rows: list[I32] = [np.empty(0, np.int32)]
        for block in found:
            parts.append(block.features.astype(np.float16))
            rows.append(block.union.items)
            count = np.diff(block.union.starts)
            at = np.where(block.target_at < 0, -1, block.target_at - block.union.starts[:-1])
            lengths.append(count[count > 0])
            targets.append(at[count > 0])
        return cls(
            np.concatenate(parts),
            np.concatenate([[0], np.cumsum(np.concatenate(lengths))]),
            np.concatenate(targets),
            np.concatenate(rows),
        )

    def pick(self, chosen: I64) -> Self:
        """Some queries, in the order given."""
        lengths = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return type(self)(self.features[at], starts, self.target_at[chosen], self.rows[at])

    @property
    def labels(self) -> F32:
        """float32[m]: 1 for what came next."""
        labels = np.zeros(len(self.features), dtype=np.float32)
        known = self.target_at >= 0
        labels[self.starts[:-1][known] + self.target_at[known]] = 1
        return labels

    def padded(self, chosen: I64, width: int) -> tuple[F32, NDArray[np.bool_]]:
        """float32[q, width, f] and bool[q, width], where there is a candidate."""
        at = self.starts[chosen][:, None] + np.arange(width)
        there = at < self.starts[chosen + 1][:, None]
        features = self.features[np.where(there, at, 0)].astype(np.float32)
        return features, there

    @property
    def widest(self) -> int:
        """The most candidates that a query has."""
        return int(np.diff(self.starts).max(initial=1))
