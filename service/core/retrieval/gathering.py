"""Evidence of candidates from what was gathered, and scratch wiped clean, compiled."""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.proposing import HYBRID_WEIGHT
from service.core.retrieval.scratch import (
    BACK,
    BEFORE_COUNT,
    BEFORE_NEARNESS,
    COUNT,
    FOLLOWS,
    LATELY,
    NARROW,
    NEARNESS,
    OWN_NEXT,
    OWN_SECOND,
    OWN_SOON,
    SOON,
    SOON_ALL,
    SOON_BACK,
    SOON_SECOND,
    SOON_THIRD,
    WIDE,
)

COSINE_SCALE = 10.0


@njit(cache=True, fastmath={"contract", "reassoc"})
def cosines(vectors: F32, items: I32, towards: F32, out: F32) -> None:
    """Write out float32[m, 3]: each item's vector times three directions float32[3, d]."""
    for at in range(len(items)):
        row = vectors[items[at]]
        first, second, third = np.float32(0), np.float32(0), np.float32(0)
        for k in range(len(row)):
            first += row[k] * towards[0, k]
            second += row[k] * towards[1, k]
            third += row[k] * towards[2, k]
        out[at, 0], out[at, 1], out[at, 2] = first, second, third


@njit(cache=True)
def gather(  # noqa: PLR0913, PLR0915, PLR0917 - one row a candidate, column by column
    items: I32,
    places: I32,
    near: F32,
    found: F32,
    facts: F32,
    best: F32,
    leaves: float,
    last: int,
    out: F32,
) -> None:
    """Write out float32[m, 36], columns as in CANDIDATE_EVIDENCE.

    near float32[m, 3] cosines; best float32[4]: of encoder, neighbours, links, narrow neighbours.
    """
    for at in range(len(items)):
        item = items[at]
        here, fact, row = found[item], facts[item], out[at]
        wide_share = here[WIDE] / max(best[1], 1e-6)
        follows_share = here[FOLLOWS] / max(leaves, 1.0)
        row[0] = COSINE_SCALE * near[at, 0]
        row[1] = COSINE_SCALE * (near[at, 0] - best[0])
        row[2] = np.log1p(places[at, 0])
        row[3] = np.log1p(here[WIDE])
        row[4] = wide_share
        row[5] = np.log1p(here[COUNT])
        row[6] = np.log1p(here[NARROW])
        row[7] = here[NARROW] / max(best[3], 1e-6)
        row[8] = wide_share + HYBRID_WEIGHT * follows_share
        row[9] = np.log1p(places[at, 1])
        row[10] = follows_share
        row[11] = np.log1p(here[FOLLOWS])
        row[12] = np.log1p(here[LATELY])
        row[13] = np.log1p(here[BACK])
        row[14] = np.log1p(here[SOON])
        row[15] = np.log1p(here[SOON_SECOND])
        row[16] = np.log1p(here[SOON_THIRD])
        row[17] = np.log1p(here[SOON_ALL])
        row[18] = here[SOON_ALL] / max(best[2], 1e-6)
        row[19] = np.log1p(places[at, 2])
        row[20] = np.log1p(here[SOON_BACK])
        row[21] = fact[0]
        row[22] = fact[1]
        row[23] = fact[2]
        row[24] = fact[3]
        row[25] = near[at, 1]
        row[26] = near[at, 2]
        row[27] = here[NEARNESS] > 0
        row[28] = item == last
        row[29] = here[NEARNESS]
        row[30] = here[BEFORE_COUNT] > 0
        row[31] = here[BEFORE_NEARNESS]
        row[32] = np.log1p(here[BEFORE_COUNT])
        row[33] = here[OWN_NEXT]
        row[34] = here[OWN_SOON]
        row[35] = here[OWN_SECOND]


@njit(cache=True)
def wipe(found: F32, rows: I32) -> None:
    """Make rows zero again."""
    for item in rows:
        found[item, :] = 0
