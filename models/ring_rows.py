"""The ring of training examples, as item rows: vectors are looked up a batch at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.jax_attention import RingBatch
from service.core.features import RING_READ
from service.core.items import F32, I32
from service.core.memory import PlayEnd

I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RingRows:
    """Queries with their candidates (n items, m candidates, q queries).

    Shapes: vectors float32[n, d]; items int32[m]; plays int32[q, 20], newest first, -1 padded;
    good, bad bool[q, 20], what the plays say.
    """

    vectors: F32
    items: I32
    plays: I32
    good: Mask
    bad: Mask

    @classmethod
    def of(cls, vectors: F32, items: I32, recent: I32, end: NDArray[np.integer]) -> "RingRows":
        """From a ring as queries have it, int32[q, r] and PlayEnd [q, r]."""
        plays, ended = recent[:, :RING_READ], end[:, :RING_READ]
        good = np.isin(ended, (PlayEnd.COMPLETED, PlayEnd.QUEUED)) & (plays >= 0)
        return cls(vectors, items, plays, good, (ended == PlayEnd.SKIPPED) & (plays >= 0))

    def batch(self, queries: I64, at: I64) -> RingBatch:
        """Vectors of some queries int64[b] and their candidates int64[b, w]."""
        plays = self.plays[queries]
        vectors = np.where(plays[:, :, None] >= 0, self.vectors[plays], np.float32(0))
        good, bad = (mask[queries].astype(np.float32) for mask in (self.good, self.bad))
        return RingBatch(self.vectors[self.items[at]], vectors, good, bad)
