"""Examples that a model has not seen, in one npz file: what it reads, and what then happened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from models.metrics import auc
from models.ranker import owners
from service.core.errors import Refused
from service.core.features import Features
from service.core.items import F32, I32

TOP: Final = 20


@dataclass(frozen=True)
class Holdout:
    """Candidates of queries with labels.

    Shapes: features of m candidates; labels float32[m, H], a column per head, NaN for unknown, or
    None: then two models can only be compared with each other.
    """

    features: Features
    labels: F32 | None = None

    def save(self, path: Path) -> None:
        """Write one npz file."""
        arrays: dict[str, Any] = self.features.arrays() | (
            {} if self.labels is None else {"labels": self.labels}
        )
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, or a set of exposures, or a folder's golden vectors.

        Raises:
            Refused: There is no such file, or it is none of these.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                held = {name: stored[name] for name in stored.files}
            features = Features.of({"owner": owners(len(held["kind"]))} | held)
        except (OSError, ValueError, KeyError) as error:
            raise Refused(
                f"{path} holds no examples ({error}); `segue evaluate gate --save-set FILE` makes"
                " some"
            ) from error
        return cls(features, held.get("labels"))

    def quality(self, head: str, column: int, scores: F32) -> tuple[str, float] | None:
        """How well one head's scores order what happened: NDCG@20 by query for next, else AUC."""
        if self.labels is None or column >= self.labels.shape[1]:
            return None
        labels = self.labels[:, column]
        if head == "next":
            return f"ndcg@{TOP}", ndcg(self.features.owner, scores, labels)
        known = ~np.isnan(labels)
        return "auc", auc(scores[known], labels[known])


def ndcg(owner: I32, scores: F32, labels: F32, top: int = TOP) -> float:
    """Mean over queries of 1 / log2(1 + rank) of the one that came next, 0 below the top.

    Ties count against it.
    """
    hits = np.flatnonzero(labels > 0.5)
    mine = np.full(int(owner.max(initial=-1)) + 1, np.inf, dtype=np.float32)
    mine[owner[hits]] = scores[hits]
    rank = np.bincount(owner, scores >= mine[owner], len(mine))
    gain = np.where((rank > 0) & (rank <= top), 1 / np.log2(1 + np.maximum(rank, 1)), 0.0)
    return float(gain[np.unique(owner)].mean()) if len(owner) else 0.0
