"""How steering moves scores: towards what was asked for, away from what was not."""

from typing import Final

import numpy as np

from service.core.candidates import Candidates
from service.core.items import F32
from service.core.sessions import SessionBatch

MORE_LIKE: Final = 0.8
LESS_ARTIST: Final = 1.5
"""In units of utility, whose heads span about [-1, 2.5]."""


def steering_bias(sessions: SessionBatch, candidates: Candidates) -> F32:
    """Return what steering adds to each candidate's utility.

    Shapes:
        float32[M]
    """
    bias = np.zeros(len(candidates), dtype=np.float32)
    for b, state in enumerate(sessions.states):
        if state.steering.is_neutral:
            continue
        mine = candidates.owner == b
        bias[mine] = _of_one(sessions, candidates.where(mine), b)
    return bias


def _of_one(sessions: SessionBatch, candidates: Candidates, b: int) -> F32:
    table, steering = sessions.table, sessions.states[b].steering
    bias = np.zeros(len(candidates), dtype=np.float32)
    anchors = [row for item in steering.more_like if (row := table.row_of(item)) is not None]
    if anchors:
        nearness = (table.vectors[candidates.items] @ table.vectors[anchors].T).max(axis=1)
        bias += MORE_LIKE * np.maximum(nearness, 0)
    shunned = [row for a in steering.less_artists if (row := table.artist_rows.get(a)) is not None]
    return np.asarray(
        bias - LESS_ARTIST * np.isin(table.artist[candidates.items], shunned), np.float32
    )
