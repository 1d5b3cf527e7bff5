"""How long a candidate takes against the champion: the same batches, one after the other.

A shared machine is slow in spells, and a spell hits both. Pairs are interleaved and change who goes
first; the ratio is of each one's lower quartile, which a spell does not reach.
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Final

import numpy as np

from models.evaluation.exposures import ExposureSet
from models.evaluation.head_quality import Scorer
from service.core.features import Features

ROUNDS: Final = 150
USERS: Final = 16
PER_USER: Final = 200


def latency_ratio(candidate: Scorer, champion: Scorer, exposed: ExposureSet) -> dict[str, Any]:
    """Microseconds a batch of both, and their ratio."""
    batch = a_batch(exposed)
    said = f"{USERS} users, {USERS * PER_USER} candidates"
    return interleaved(
        lambda: candidate.score(batch), lambda: champion.score(batch), rounds=ROUNDS, batch=said
    )


def interleaved(
    candidate: Callable[[], object], champion: Callable[[], object], *, rounds: int, batch: str
) -> dict[str, Any]:
    """Time two calls in turns; two rounds to warm up come first. `batch` says what one call is."""
    taken = np.empty((rounds, 2))
    for at in range(-2, rounds):
        order = ((0, candidate), (1, champion))
        for column, call in order if at % 2 else order[::-1]:
            begin = perf_counter_ns()
            call()
            taken[at, column] = (perf_counter_ns() - begin) / 1000
    mine, other = np.quantile(taken, 0.25, axis=0)
    return {
        "ratio": round(float(mine / other), 4),
        "candidate_us": round(float(mine), 1),
        "champion_us": round(float(other), 1),
        "batch": batch,
    }


def a_batch(exposed: ExposureSet) -> Features:
    """A poll's worth of the set's own features: 16 users, 200 candidates each."""
    examples = exposed.examples
    users = np.arange(USERS) * len(exposed) // USERS
    candidates = np.arange(USERS * PER_USER) % len(exposed)
    owner = np.repeat(np.arange(USERS, dtype=np.int32), PER_USER)
    return Features(
        examples.user[users],
        owner,
        examples.candidate[candidates],
        examples.kind[candidates],
    )
