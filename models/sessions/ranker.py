"""The ranker over the union of candidates: a small network, candidate by candidate.

Candidates do not see each other: a score depends on the query and that candidate alone.
"""

from dataclasses import dataclass, fields

import numpy as np

from models.sessions.sparse_rows import F32

CLIP = 6.0
"""Standard deviations at which an input is cut off: nothing unheard-of explodes."""


@dataclass(frozen=True)
class SessionRanker:
    """Weights (f features; h1, h2 hidden units).

    mean, spread float32[f]; w1 float32[f, h1], b1 float32[h1]; w2 float32[h1, h2], b2 float32[h2];
    w3 float32[h2, 1].
    """

    mean: F32
    spread: F32
    w1: F32
    b1: F32
    w2: F32
    b2: F32
    w3: F32

    def arrays(self) -> dict[str, F32]:
        """Every array by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def score(self, features: F32) -> F32:
        """float32[m, f] -> float32[m], higher is better."""
        x = np.clip((features - self.mean) / self.spread, -CLIP, CLIP)
        h1 = np.maximum(x @ self.w1 + self.b1, 0)
        h2 = np.maximum(h1 @ self.w2 + self.b2, 0)
        return np.asarray((h2 @ self.w3)[:, 0])
