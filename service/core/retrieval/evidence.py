"""The columns that `retrieve` computes, by name. Order is the model's input order: append only.

Counts and scores enter as logarithms or shares, so that a log ten times as large looks the same.
A place is one in a source's own list: evidence depends on a session and a candidate alone, never on
the other candidates beside it.
"""

from typing import Final

CANDIDATE_EVIDENCE: Final = (
    "encoder", "encoder_gap", "encoder_place",
    "neighbours", "neighbours_share", "neighbours_count",
    "narrow", "narrow_share",
    "hybrid", "hybrid_place",
    "follows_share", "follows_count", "follows_lately", "follows_back",
    "soon_last", "soon_second", "soon_third", "soon_all", "soon_share", "soon_place", "soon_back",
    "popular", "popular_lately", "popular_now", "unseen_for",
    "cosine_last", "cosine_mean",
    "heard", "heard_last", "heard_nearness",
    "before", "before_nearness", "before_count", "own_next", "own_soon", "own_second",
)  # fmt: skip
"""Of a candidate in its session: float32[M, 36]."""

SESSION_EVIDENCE: Final = (
    "length", "ring", "again_share", "last_leaves", "last_popular",
    "encoder_best", "neighbours_best", "soon_best",
)  # fmt: skip
"""Of the session, the same for all of its candidates: float32[B, 8]."""

EVIDENCE_FEATURES: Final = (*CANDIDATE_EVIDENCE, *SESSION_EVIDENCE)
"""The model's input: float32[M, 44]."""

SOURCES: Final = ("encoder", "hybrid", "soon", "ring", "popular")
"""Which of the index's sources proposed a candidate: bit s of its `sources`."""
