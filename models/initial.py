"""A ranker before its first step: inputs standardised on a sample, weights by fan-in."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from models.attention import initial_attention
from models.ranker import HEADS, HIDDEN, Ranker, without_calibration
from service.core.items import F32

SPREAD_MIN: Final = 0.05
CONSTANT: Final = 1e-3
"""Standard deviation of a column that says nothing."""


def initial_ranker(  # noqa: PLR0913 - what a ranker is made of
    user: F32,
    cand: F32,
    rng: np.random.Generator,
    *,
    heads: tuple[str, ...] = HEADS,
    blocks: tuple[str, ...] = ("base",),
    hidden: tuple[int, int] = HIDDEN,
    spread_min: float = SPREAD_MIN,
) -> Ranker:
    """From a sample of inputs, float32[n, Fu] and float32[n, Fc]; the last biases are 0."""
    h1, h2 = hidden
    calibration: dict[str, Any] = without_calibration(len(heads))
    users, cands = user.shape[1], cand.shape[1]

    def he(rows: int, columns: int, fan_in: int) -> F32:
        scale = np.sqrt(2.0 / fan_in)
        return np.asarray(scale * rng.normal(size=(rows, columns)), dtype=np.float32)

    return Ranker(
        user_mean=user.mean(axis=0),
        user_spread=_spread(user, spread_min),
        cand_mean=cand.mean(axis=0),
        cand_spread=_spread(cand, spread_min),
        w_user=he(users, h1, users + cands),
        w_cand=he(cands, h1, users + cands),
        b1=np.zeros(h1, np.float32),
        w2=he(h1, h2, h1),
        b2=np.zeros(h2, np.float32),
        w3=0.1 * he(h2, len(heads), h2),
        b3=np.zeros(len(heads), np.float32),
        **calibration,
        heads=heads,
        blocks=blocks,
    )


def with_attention(ranker: Ranker, dim: int, draws: np.random.Generator) -> Ranker:
    """The same ranker with target attention over item vectors of this width."""
    attention = initial_attention(dim, ranker.w_cand.shape[1], draws)
    return replace(ranker, attention=attention, blocks=(*ranker.blocks, "ring"))


def _spread(columns: F32, least: float) -> F32:
    """Standard deviation, not below a floor: a column that hardly moves must not explode later."""
    spread = columns.std(axis=0)
    return np.where(spread < CONSTANT, 1.0, np.maximum(spread, least)).astype(np.float32)
