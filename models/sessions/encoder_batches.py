"""Batches for the encoder: sessions of about the same length, and negatives.

Knows nothing of gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.sessions.read import I32, I64, UNKNOWN, SessionLog
from models.sessions.recipe import EncoderRecipe

F32 = NDArray[np.float32]

LENGTHS: Final = (2, 4, 7, 12, 20, 32)
"""Positions a batch's sessions are padded to; a longer session is cut into pieces."""


class Batch(NamedTuple):
    """B sessions of L positions, and K negatives that all of them share.

    Shapes: plays int32[B, L + 1] item rows, the unknown item's after the end; weight float32[B, L],
    0 where nothing is predicted; negatives int32[K] item rows; log_share float32[B, L] of targets,
    negatives_log_share float32[K]: the law that negatives are drawn from.
    """

    plays: I32
    weight: F32
    negatives: I32
    log_share: F32
    negatives_log_share: F32


@dataclass(frozen=True)
class Law:
    """What negatives are drawn from: running total float64[n + 1], logarithm float32[n + 1]."""

    total: NDArray[np.float64]
    log_share: F32

    @property
    def unknown(self) -> int:
        """The row that stands for an unknown item."""
        return len(self.log_share) - 1


def session_weights(count: int, recency: float) -> F32:
    """float32[count]: exponential in a session's age, 1 in the mean."""
    weight = np.exp(-recency * (1 - np.arange(1, count + 1) / max(count, 1)))
    return np.asarray(weight / weight.mean(), dtype=np.float32)


def negatives_law(log: SessionLog, items: int, recipe: EncoderRecipe) -> Law:
    """Recency-weighted counts to a power; an item never heard is drawn never."""
    weight = session_weights(len(log), recipe.recency)[log.owner]
    known = log.items >= 0
    counts = np.bincount(log.items[known], weight[known], items + 1) ** recipe.negatives_power
    share = counts / counts.sum()
    return Law(np.cumsum(share), np.log(np.maximum(share, 1e-12)).astype(np.float32))


@dataclass(frozen=True)
class Pieces:
    """Sessions cut to at most 33 plays: where each begins, its positions, its session."""

    begins: I64
    positions: I64
    session: I64


def pieces(log: SessionLog) -> Pieces:
    """Cut long sessions; a piece of one play predicts nothing and is left out."""
    longest = LENGTHS[-1] + 1
    count = -(-log.lengths // longest)
    session = np.repeat(np.arange(len(log)), count)
    number = np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
    begins = log.starts[session] + number * longest
    positions = np.minimum(log.starts[session + 1] - begins, longest) - 1
    useful = positions > 0
    return Pieces(begins[useful], positions[useful], session[useful])


def epoch(
    log: SessionLog, cut: Pieces, law: Law, recipe: EncoderRecipe, draws: np.random.Generator
) -> Iterator[Batch]:
    """All pieces once, in chance order, batches of equal shape per length."""
    weights = session_weights(len(log), recipe.recency)
    order = draws.permutation(len(cut.begins))
    bucket = np.searchsorted(LENGTHS, cut.positions[order])
    groups = [
        (LENGTHS[b], part)
        for b in range(len(LENGTHS))
        for part in _parts(order[bucket == b], recipe.batch_positions // LENGTHS[b])
    ]
    for g in draws.permutation(len(groups)):
        length, part = groups[g]
        plays = _plays(log, cut, part, length, law.unknown)
        weight = np.where(plays[:, 1:] < law.unknown, weights[cut.session[part]][:, None], 0)
        yield _batch(plays, np.asarray(weight, np.float32), law, recipe, draws)


def _parts(chosen: I64, size: int) -> list[I64]:
    """Parts of exactly `size`; the last one is filled up with -1."""
    short = -len(chosen) % size
    whole = np.concatenate([chosen, np.full(short, -1, dtype=np.int64)])
    return list(whole.reshape(-1, size))


def _plays(log: SessionLog, cut: Pieces, part: I64, length: int, unknown: int) -> I32:
    """int32[B, L + 1]: item rows, the unknown one after the end and in filling pieces."""
    at = cut.begins[part][:, None] + np.arange(length + 1)
    inside = (np.arange(length + 1) <= cut.positions[part][:, None]) & (part >= 0)[:, None]
    plays = np.where(inside, log.items[np.where(inside, at, 0)], UNKNOWN)
    return np.where(plays >= 0, plays, unknown).astype(np.int32)


def _batch(
    plays: I32, weight: F32, law: Law, recipe: EncoderRecipe, draws: np.random.Generator
) -> Batch:
    drawn = np.searchsorted(law.total, draws.random(recipe.negatives)).astype(np.int32)
    return Batch(plays, weight, drawn, law.log_share[plays[:, 1:]], law.log_share[drawn])
