"""What serves when the model does not: near the session, and popular. No model, few operations.

Filters, caps and steering hold as ever: the listener's own word does not depend on a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from service.core.candidates import Candidates
from service.core.features import Features
from service.core.items import F32
from service.core.selectors import select
from service.core.session import SessionState
from service.core.sessions import SessionBatch
from service.core.slates import Model
from service.core.steering_bias import steering_bias
from service.ranking import Ranked, Ranking

FALLBACK: Final = "fallback_ranker"
MODEL: Final = Model("session-and-popularity", "1", "fallback")
POPULARITY: Final = 0.5
"""What the most played item counts against a candidate that is just what the session wants."""


class NoModel:
    """A scorer that says nothing."""

    heads: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    model: Model = MODEL

    def score(self, features: Features) -> F32:
        """float32[M, 0]."""
        return np.empty((len(features.owner), 0), np.float32)


@dataclass(frozen=True)
class FallbackRanker:
    """Ranks with sources that need no model; filters and caps are those of every slate."""

    pipeline: Ranking

    @classmethod
    def beside(cls, ranking: Ranking) -> Self:
        """Build it from a pipeline's catalogue, sources and caps."""
        return cls(Ranking(ranking.table, ranking.sources, NoModel(), caps=ranking.caps))

    def rank(self, states: Sequence[SessionState]) -> list[Ranked]:
        """Rank for every state."""
        if not states:
            return []
        sessions, kept = self.pipeline.candidates(states)
        utility = closeness(sessions, kept) + steering_bias(sessions, kept)
        chosen = select(sessions, kept, utility, self.pipeline.caps)
        none = np.empty((len(kept), 0), np.float32)
        slates = [self.pipeline.slate(sessions, kept, none, utility, places) for places in chosen]
        return [replace(slate, degraded=(FALLBACK, *slate.degraded)) for slate in slates]


def closeness(sessions: SessionBatch, candidates: Candidates) -> F32:
    """Cosine to the session vector, plus a share of popularity.

    Shapes:
        float32[M]
    """
    vectors = sessions.table.vectors[candidates.items]
    cosine = np.einsum("md,md->m", sessions.wanted[candidates.owner], vectors)
    popularity = POPULARITY * sessions.table.facts[candidates.items, 0]
    return np.asarray(cosine + popularity, dtype=np.float32)
