"""Fit the ranker with JAX: pointwise heads, all at once, on exposed candidates.

Some rows are seen as a bare catalogue would give them (no attributes, durations, artists): the
model then also serves a log that has none of these.

Where an item stood on its slate is seen by a side tower in training alone: what is heard because
it was first is not put down to the item. It is dropped at export, as if nothing had a place.
"""

from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from models.calibration import calibrated
from models.dataset import Examples
from models.initial import initial_ranker, with_attention
from models.jax_attention import RingBatch, read_out
from models.jax_ranker import Weights, logits, pointwise_loss, split_weights
from models.ranker import Ranker
from models.ring_rows import RingRows
from service.core.features import CANDIDATE_FEATURES, SESSION_FEATURES
from service.core.items import F32

EPOCHS: Final = 16
BATCH: Final = 2048
LEARNING_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 1e-3
SLOTS: Final = 100
"""Places of a slate that the side tower tells apart: as many as a slate can have."""
PLACE_GAIN: Final = 10.0
"""A place's weight moves so much faster: the network would else learn first what places explain."""
PLACE_UNSEEN: Final = 0.1
"""Share of served examples whose place is hidden, so that none stands for itself."""
BARE_SHARE: Final = 0.2
BARE_SESSION: Final = (
    "skip_share_3",
    "skip_share_10",
    "skip_share",
    "complete_share_10",
    "run_of_skips",
    "heard_share",
)
BARE_CANDIDATE: Final = (
    "cosine_pleased",
    "cosine_refused",
    "nearest_completed",
    "nearest_skipped",
    "type_skip_share",
    "item_skipped",
    "freshness",
    "duration",
    "explicit",
    "continues",
)
BARE_PREFIX: Final = "artist_"
BARE_SUFFIXES: Final = ("_from_completed", "_from_skipped")

_Step = tuple[Weights, Any]


def fit_ranker(
    examples: Examples, *, seed: int, epochs: int = EPOCHS, ring: RingRows | None = None
) -> Ranker:
    """Train on examples; returns a ranker whose calibration does nothing yet.

    With a `ring`, a query and a candidate per example, the ranker has target attention.
    """
    draws = np.random.default_rng(seed)
    ranker = _initial(examples, draws)
    if ring is not None:
        ranker = with_attention(ranker, ring.vectors.shape[1], draws)
    weights, fixed = split_weights(ranker)
    weights["place"] = jnp.zeros((SLOTS, len(ranker.heads)), jnp.float32)
    steps = max(1, epochs * (len(examples) // BATCH))
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, steps, alpha=0.02)
    optimiser = optax.adamw(schedule, weight_decay=WEIGHT_DECAY)

    @jax.jit
    def step(weights: Weights, momentum: Any, batch: tuple[Any, ...]) -> _Step:
        slope = jax.grad(lambda w: _loss({**w, **fixed}, *batch))(weights)
        update, momentum = optimiser.update(slope, momentum, weights)
        return optax.apply_updates(weights, update), momentum

    momentum = optimiser.init(weights)
    draws = np.random.default_rng([seed, 1])
    for _ in range(epochs):
        for rows in _batches(draws, len(examples)):
            user, cand = _sometimes_bare(draws, examples.user[rows], examples.candidate[rows])
            hidden = draws.random(len(rows)) < PLACE_UNSEEN
            slot = np.where(hidden, -1, np.minimum(examples.slot[rows], SLOTS - 1))
            read = None if ring is None else ring.batch(rows, rows[:, None])
            batch = user, cand, slot, examples.labels[rows], read
            weights, momentum = step(weights, momentum, batch)
    weights.pop("place")
    return ranker.with_arrays({name: np.asarray(value) for name, value in weights.items()})


def calibrate(ranker: Ranker, examples: Examples) -> Ranker:
    """Fit slopes and offsets per head and content type (Platt) on a later slice."""
    return calibrated(ranker, ranker.logits(examples.features), examples.labels, examples.kind)


def _loss(
    weights: Weights, user: Any, cand: Any, slot: Any, labels: Any, ring: RingBatch | None
) -> jax.Array:
    """A place adds to the logits of what was served there; what was not served has none."""
    read = None if ring is None else read_out(weights, ring)[:, 0]
    place = jnp.where(slot[:, None] >= 0, PLACE_GAIN * weights["place"][slot], 0.0)
    return pointwise_loss(logits(weights, user, cand, read) + place, labels)


def _initial(examples: Examples, rng: np.random.Generator) -> Ranker:
    """Starts from each head's rate."""
    ranker = initial_ranker(examples.user, examples.candidate, rng)
    rates = np.clip(np.nanmean(examples.labels, axis=0), 1e-3, 1 - 1e-3)
    return ranker.with_arrays({"b3": np.log(rates / (1 - rates))})


def _batches(draws: np.random.Generator, count: int) -> list[NDArray[np.int64]]:
    order = draws.permutation(count)
    whole = max(1, count // BATCH)
    return list(np.array_split(order[: whole * BATCH], whole))


def _sometimes_bare(draws: np.random.Generator, user: F32, cand: F32) -> tuple[F32, F32]:
    bare = draws.random((len(user), 1)) < BARE_SHARE
    zero = np.float32(0)
    return (
        np.where(bare & _BARE_SESSION_COLUMNS, zero, user),
        np.where(bare & _BARE_CANDIDATE_COLUMNS, zero, cand),
    )


def _is_bare(name: str) -> bool:
    return name in BARE_CANDIDATE or name.startswith(BARE_PREFIX) or name.endswith(BARE_SUFFIXES)


_BARE_SESSION_COLUMNS: Final = np.array([name in BARE_SESSION for name in SESSION_FEATURES])
_BARE_CANDIDATE_COLUMNS: Final = np.array([_is_bare(name) for name in CANDIDATE_FEATURES])
