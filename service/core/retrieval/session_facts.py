"""What a session is, apart from any candidate, compiled."""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.index import Mask
from service.core.retrieval.scratch import BEFORE_COUNT


@njit(cache=True)
def point(direction: F32, session: I32, vectors: F32, towards: F32) -> None:
    """Write towards float32[3, d]: where the encoder points, the newest play, the session's mean.

    session int32[r]: its plays, newest first, -1 where there is none.
    """
    towards[:] = 0
    towards[0] = direction
    if session[0] >= 0:
        towards[1] = vectors[session[0]]
    for item in session:
        if item >= 0:
            towards[2] += vectors[item]
    length = np.float32(0)
    for value in towards[2]:
        length += value * value
    towards[2] /= max(np.sqrt(length), np.float32(1e-6))


@njit(cache=True)
def describe(recent: I32, current: Mask, facts: F32, best: F32, found: F32, known: F32) -> None:
    """Write known float32[8], as in SESSION_EVIDENCE; found holds the ring's marks still."""
    now, held, again = 0, 0, 0
    for place in range(len(recent)):
        if recent[place] < 0:
            continue
        held += 1
        if current[place]:
            now += 1
            again += found[recent[place], BEFORE_COUNT] > 0
    last = recent[0] if current[0] else -1
    known[0] = np.log1p(now)
    known[1] = np.log1p(held)
    known[2] = again / max(now, 1)
    known[3] = np.log1p(facts[last, 4]) if last >= 0 else 0
    known[4] = facts[last, 1] if last >= 0 else 0
    known[5] = 10 * best[0]
    known[6] = np.log1p(best[1])
    known[7] = np.log1p(best[2])
