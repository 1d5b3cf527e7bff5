"""What a log of sessions says, as arrays: mapped files that the workers of a machine share."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32, U8

I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]
I8 = NDArray[np.int8]
Mask = NDArray[np.bool_]

LINK_UNIT: Final = 6
"""Links are stored in sixths: one, a half and a third of a step away are whole numbers of them."""
LINK_COLUMNS: Final = ("follows", "lately", "back", "soon", "soon_back")
FACT_COLUMNS: Final = ("popular", "popular_lately", "popular_now", "unseen_for", "leaves")


@dataclass(frozen=True)
class SessionIndex:
    """An index of n items and s sessions, d dimensions.

    Shapes:
        vectors: float32[n, d], unit length or zero
        kind: uint8[n], content type
        posting_starts: int64[n + 1]; postings: int32, newest sessions of each item
        play_starts: int64[s + 1]; plays: int32, distinct items of each session
        link_starts: int64[n + 1]; link_items: int32; links: uint16[k, 5] as LINK_COLUMNS, in sixths
        facts: float32[n, 5] as FACT_COLUMNS, logarithms but for leaves (plays that something
        followed)
        popular: int32, rows heard most of late, some of every content type
        centroids: float32[d, c]; cluster_starts: int64[c + 1]; cluster_items: int32[n];
        clusters: int8, the vectors of each cluster as int8[d, members], one after the other:
        coarse, a quarter of the memory that a search has to read
    """

    vectors: F32
    kind: U8
    posting_starts: I64
    postings: I32
    play_starts: I64
    plays: I32
    link_starts: I64
    link_items: I32
    links: U16
    facts: F32
    popular: I32
    centroids: F32
    cluster_starts: I64
    cluster_items: I32
    clusters: I8

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return int(self.vectors.shape[1])

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self.play_starts) - 1


@dataclass(frozen=True)
class Limits:
    """How much each source may propose, and how far it looks."""

    encoder: int = 100
    hybrid: int = 100
    soon: int = 40
    sessions: int = 100
    sessions_narrow: int = 200
    recent: int = 20
    """Newest plays of the session that neighbours are found by."""
    linked: int = 10
    """Newest plays of the session whose links are read."""
    probes: int = 24
    """Clusters of about 120 items that are searched, the nearest ones."""
    exact_items: int = 10_000
    """Up to so many items all clusters are searched, which is exact."""

    def probes_of(self, index: SessionIndex) -> int:
        """How many clusters of an index to search."""
        clusters = int(index.centroids.shape[1])
        return clusters if len(index) <= self.exact_items else min(self.probes, clusters)
