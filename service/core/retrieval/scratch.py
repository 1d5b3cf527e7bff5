"""Working memory of one thread: an entry per item and per session, clean between two sessions.

A row holds what is gathered of an item while one session is worked on: beside each other, since
they are read together. The kernels' caches on disk do not see a change of these numbers: they are
compiled anew when their own file changes.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32
from service.core.retrieval.index import Limits, SessionIndex

WIDE: Final = 0
COUNT: Final = 1
NARROW: Final = 2
FOLLOWS: Final = 3
LATELY: Final = 4
BACK: Final = 5
SOON: Final = 6
SOON_BACK: Final = 7
SOON_SECOND: Final = 8
SOON_THIRD: Final = 9
SOON_ALL: Final = 10
NEARNESS: Final = 11
BEFORE_COUNT: Final = 12
BEFORE_NEARNESS: Final = 13
OWN_NEXT: Final = 14
OWN_SOON: Final = 15
OWN_SECOND: Final = 16
SEEN: Final = 17
PLACE: Final = 18
FIELDS: Final = 20

POSTINGS_MAX: Final = 100
"""Newest sessions that an item is looked up in."""


@dataclass(frozen=True)
class Scratch:
    """Arrays that are zero between two sessions, and lists that say what is not.

    Shapes: found float32[n, FIELDS]; touched int32[n]; alike float32[s, 2]; sessions int32[t];
    weighed float64[max(t, n)].
    """

    found: F32
    touched: I32
    alike: F32
    sessions: I32
    weighed: NDArray[np.float64]

    @classmethod
    def of(cls, index: SessionIndex, limits: Limits) -> Self:
        """Room for one session of an index."""
        most = limits.recent * POSTINGS_MAX
        return cls(
            np.zeros((len(index), FIELDS), np.float32),
            np.zeros(len(index), np.int32),
            np.zeros((index.sessions, 2), np.float32),
            np.zeros(most, np.int32),
            np.zeros(max(most, len(index)), np.float64),
        )
