"""Batches for the encoder: windows of about the same length, and negatives.

Knows nothing of gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.sessions.encoder_windows import Layout, Windows, session_weights
from models.sessions.read import I8, I32, I64, SessionLog
from models.sessions.recipe import EncoderRecipe

F32 = NDArray[np.float32]

LENGTHS: Final = (2, 4, 7, 12, 20, 32)
"""Positions a batch's windows are padded to."""


class Batch(NamedTuple):
    """B windows of L positions, and K negatives that all of them share.

    Shapes: plays int32[B, L + 1] item rows, the unknown item's after the end; action int8[B, L + 1]
    rows of `Encoder.actions`; weight float32[B, L], 0 where nothing is predicted; negatives
    int32[K] item rows; log_share float32[B, L + 1] of the plays, negatives_log_share float32[K]:
    the law that negatives are drawn from; skipped bool[B, L + 1], or None if the log tells of none.
    """

    plays: I32
    action: I8
    weight: F32
    negatives: I32
    log_share: F32
    negatives_log_share: F32
    skipped: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Law:
    """What negatives are drawn from: running total float64[n + 1], logarithm float32[n + 1]."""

    total: NDArray[np.float64]
    log_share: F32

    @property
    def unknown(self) -> int:
        """The row that stands for an unknown item."""
        return len(self.log_share) - 1


def negatives_law(log: SessionLog, items: int, recipe: EncoderRecipe) -> Law:
    """Recency-weighted counts to a power; an item never heard is drawn never."""
    weight = session_weights(len(log), recipe.recency)[log.owner]
    known = log.items >= 0
    counts = np.bincount(log.items[known], weight[known], items + 1) ** recipe.negatives_power
    share = counts / counts.sum()
    return Law(np.cumsum(share), np.log(np.maximum(share, 1e-12)).astype(np.float32))


def epoch(
    cut: Windows, law: Law, recipe: EncoderRecipe, draws: np.random.Generator
) -> Iterator[Batch]:
    """All windows once, in chance order, batches of equal shape per length."""
    order = draws.permutation(len(cut))
    bucket = np.searchsorted(LENGTHS, (cut.context + cut.positions)[order])
    groups = [
        (LENGTHS[b], part)
        for b in range(len(LENGTHS))
        for part in _parts(order[bucket == b], recipe.batch_positions // LENGTHS[b])
    ]
    for g in draws.permutation(len(groups)):
        length, part = groups[g]
        yield _batch(cut.layout(part, length), law, recipe, draws)


def _parts(chosen: I64, size: int) -> list[I64]:
    """Parts of exactly `size`; the last one is filled up with -1."""
    short = -len(chosen) % size
    whole = np.concatenate([chosen, np.full(short, -1, dtype=np.int64)])
    return list(whole.reshape(-1, size))


def _batch(layout: Layout, law: Law, recipe: EncoderRecipe, draws: np.random.Generator) -> Batch:
    drawn = np.searchsorted(law.total, draws.random(recipe.negatives)).astype(np.int32)
    plays = np.where(layout.plays >= 0, layout.plays, law.unknown).astype(np.int32)
    return Batch(
        plays=plays,
        action=layout.action,
        weight=layout.weight,
        negatives=drawn,
        log_share=law.log_share[plays],
        negatives_log_share=law.log_share[drawn],
        skipped=layout.skipped,
    )
