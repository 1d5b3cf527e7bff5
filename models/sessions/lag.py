"""What a stale event costs: the same targets, asked with the newest plays withheld.

Only places from the fourth on are asked, so that something is left; at least the first play is
always known. "frozen" knows nothing but that first play.
"""

from typing import Final

import numpy as np

from models.sessions.baselines import Recommender
from models.sessions.encoder import Pointing
from models.sessions.metrics import summary
from models.sessions.queries import every_prefix
from models.sessions.read import SessionLog

WITHHELD: Final = {"fresh": 0, "1 withheld": 1, "2 withheld": 2, "5 withheld": 5, "frozen": 10**6}
PLACE_MIN: Final = 4
QUERIES: Final = 8_000
"""Queries are thinned to about so many."""


def lag_curve(
    recommender: Recommender, log: SessionLog, before: SessionLog, encoder: Pointing
) -> dict[str, dict[str, float]]:
    """Metrics of the same recommender and the same targets at each lag."""
    curve = {}
    for name, withheld in WITHHELD.items():
        queries = every_prefix(log, encoder, before=before, withheld=withheld)
        late = np.flatnonzero(queries.place >= PLACE_MIN)
        chosen = late[:: max(1, len(late) // QUERIES)]
        curve[name] = summary(recommender.ranks(queries.take(chosen)))
    return curve
