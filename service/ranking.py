"""From session states to ranked slates: sources > filters > features > scorer > utility > selector.

With an index of sessions, its candidates join those of the other sources, and each candidate
carries what the index knows of it.

Pure but for the scorer; called in a thread, so that the event loop keeps Kafka's heartbeats. One
call ranks every user of a poll.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from service.core.candidates import Candidates, CandidateSource, union
from service.core.events import CONTENT_TYPES, ItemId
from service.core.features import features_of
from service.core.filters import apply_filters
from service.core.items import F32, I32, ItemTable
from service.core.reasons import Explainer
from service.core.selectors import Caps, select
from service.core.session import SessionState
from service.core.sessions import SessionBatch, session_batch
from service.core.slates import Model, SlateItem
from service.core.steering_bias import steering_bias
from service.core.utility import Utility
from service.ports import Retrieval, Scorer


@dataclass(frozen=True)
class Ranked:
    """One session's slate, before it is stamped and sent, and the model that ranked it.

    `unsound` counts candidates that the model gave no finite score: they take no place.
    """

    items: tuple[SlateItem, ...]
    degraded: tuple[str, ...]
    model: Model
    unsound: int = 0


@dataclass(frozen=True)
class Ranking:
    """The ranking pipeline of a worker."""

    table: ItemTable
    sources: Sequence[CandidateSource]
    scorer: Scorer
    utility: Utility = field(default_factory=Utility)
    caps: Caps = field(default_factory=Caps)
    retrieval: Retrieval | None = None

    @property
    def model(self) -> Model:
        """Who ranks."""
        return self.scorer.model

    @cached_property
    def weights(self) -> F32:
        """float32[H]: what each of the scorer's heads counts for.

        Raises:
            Refused: The scorer has a head that nothing is known of.
        """
        return self.utility.weights(self.scorer.heads)

    @cached_property
    def explainer(self) -> Explainer:
        """Turns source bits and steering into reasons."""
        found = self.retrieval.names if self.retrieval else ()
        return Explainer((*(source.name for source in self.sources), *found))

    def rank(self, states: Sequence[SessionState]) -> list[Ranked]:
        """Rank for every state. A score depends on its session and its candidate alone."""
        if not states:
            return []
        sessions, kept = self.candidates(states)
        heads = self.score(sessions, kept)
        utility = heads @ self.weights + steering_bias(sessions, kept)
        chosen = select(sessions, kept, utility, self.caps)
        slates = [self.slate(sessions, kept, heads, utility, places) for places in chosen]
        unsound = kept.owner[~np.isfinite(utility)]
        for b, count in zip(*np.unique(unsound, return_counts=True), strict=True):
            slates[b] = replace(slates[b], unsound=int(count))
        return slates

    def candidates(self, states: Sequence[SessionState]) -> tuple[SessionBatch, Candidates]:
        """What may be served to each, before anything is scored."""
        sessions = session_batch(self.table, states)
        return sessions, apply_filters(sessions, self._propose(sessions), self.caps.length).kept

    def _propose(self, sessions: SessionBatch) -> Candidates:
        """The union of all sources; what an index knows of each candidate, where there is one."""
        others = union(sessions, self.sources)
        if self.retrieval is None:
            return others
        return self.retrieval.extend(sessions, others, len(self.sources))

    def score(self, sessions: SessionBatch, candidates: Candidates) -> F32:
        """float32[M, H]: the scorer's heads."""
        return self.scorer.score(features_of(self.scorer.blocks, sessions, candidates))

    def slate(
        self,
        sessions: SessionBatch,
        candidates: Candidates,
        heads: F32,
        utility: F32,
        places: I32,
    ) -> Ranked:
        """One session's slate, from the places of its items among the candidates."""
        reasons = self.explainer.explain(sessions, candidates, places)
        rows = candidates.items[places]
        scores = utility[places].astype(np.float64).round(4).tolist()
        parts = heads[places].astype(np.float64).round(4).tolist()
        types = self.table.content_type[rows].tolist()
        items = tuple(
            SlateItem(
                item_id=ItemId(self.table.ids[row]),
                content_type=CONTENT_TYPES[types[i]],
                rank=i + 1,
                score=scores[i],
                heads=dict(zip(self.scorer.heads, parts[i], strict=True)),
                source=reasons[i][0],
                reasons=reasons[i][1],
            )
            for i, row in enumerate(rows.tolist())
        )
        return Ranked(items, () if items else ("no_candidates",), self.model)
