"""Target attention over the newest plays: what this candidate finds in the ring, in plain numpy.

    s = clip((item Wq) . (play Wk) / sqrt(k), -20, 20)        a weight per candidate and play
    found = [ sum(e^s play Wv | good) / sum(e^s | good),      what it finds among plays that went
              sum(e^s play Wv | bad) / sum(e^s | bad) ]       well, and among those refused
    h1 += (found * (item Wv)) Wr                              and how like itself that is

One set of weights, two masks: a candidate near what was skipped is told from one near what was
liked. Without a play of a kind its part is zero.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.features import Features
from service.core.items import F32
from service.core.products import product

SCORE_MAX: Final = 20.0
TINY: Final = 1e-12
WIDTH: Final = 16


@dataclass(frozen=True)
class Attention:
    """w_query, w_key, w_value float32[d, k]; w_read float32[2k, H1]."""

    w_query: F32
    w_key: F32
    w_value: F32
    w_read: F32

    @property
    def dim(self) -> int:
        """Dimensions of an item vector."""
        return len(self.w_query)

    def read(self, features: Features) -> F32:
        """float32[M, 2k]: what each candidate finds among good plays and among bad ones."""
        ring, owner = features.ring, features.owner
        assert ring is not None, "a ranker with attention reads the ring"
        sessions, plays, dim = ring.plays.shape
        keys, values = (
            product(ring.plays.reshape(-1, dim), w).reshape(sessions, plays, -1)[owner]
            for w in (self.w_key, self.w_value)
        )
        own = product(ring.items, self.w_value)
        query = product(ring.items, self.w_query) / np.float32(np.sqrt(self.w_query.shape[1]))
        score = np.clip((query[:, None, :] * keys).sum(axis=2), -SCORE_MAX, SCORE_MAX)
        weight = np.exp(score)
        parts = []
        for mask in (ring.good, ring.bad):
            mine = weight * mask[owner]
            share = mine / np.maximum(mine.sum(axis=1, keepdims=True), TINY)
            parts.append(own * (share[:, :, None] * values).sum(axis=1))
        return np.concatenate(parts, axis=1).astype(np.float32)


def initial_attention(dim: int, hidden: int, draws: np.random.Generator) -> Attention:
    """Queries and keys alike, so that near items find each other; the read-out is small."""

    def layer(rows: int, columns: int, gain: float) -> F32:
        return np.asarray(gain * draws.normal(size=(rows, columns)) / np.sqrt(rows), np.float32)

    look = layer(dim, WIDTH, np.sqrt(dim))
    value, read = layer(dim, WIDTH, np.sqrt(dim)), layer(2 * WIDTH, hidden, 0.3)
    return Attention(look, look.copy(), value, read)
