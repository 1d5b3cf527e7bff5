"""Vectors for items that have no play yet: by creator's mean, by content type's mean, by the tower.

Three answers to the same question, side by side, so that one can be chosen by measurement.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.content_tower import content_of, fit_tower, mean_of_others
from service.core.items import F32, ItemTable
from service.core.sessions import unit

F64 = NDArray[np.float64]

TOWER_SHARE: Final = 0.5
"""Of the tower in the blend with the creator's mean, where there is one (models/LOG.md)."""


def cold_vectors(table: ItemTable, vectors: F32, counts: F64, *, seed: int) -> dict[str, F32]:
    """Estimates by name, float32[n, d] each; what an item's own vector says is not used for it.

    Without a tower (too few items have plays) its place is taken by the creator's mean.
    """
    of_type = type_means(table, vectors, counts)
    creator = mean_of_others(vectors, counts, table.artist.astype(np.int64))
    has_creator = np.abs(creator).sum(axis=1, keepdims=True) > 0
    by_creator = np.where(has_creator, creator, of_type)
    content = content_of(table)
    tower = fit_tower(content, creator, vectors, counts, seed=seed)
    by_tower = tower.vectors(content, creator) if tower else by_creator
    share = np.float32(TOWER_SHARE)
    mixed = unit(np.asarray(share * by_tower + (1 - share) * by_creator, np.float32))
    return {
        "type mean": of_type,
        "creator mean": by_creator,
        "tower": by_tower,
        "blend": np.where(has_creator, mixed, by_tower),
    }


def type_means(table: ItemTable, vectors: F32, counts: F64) -> F32:
    """float32[n, d]: the mean direction of each item's content type, weighed by plays."""
    total = np.zeros((256, vectors.shape[1]))
    np.add.at(total, table.content_type, vectors * counts[:, None])
    return unit(total.astype(np.float32))[table.content_type]
