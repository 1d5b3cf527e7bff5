"""Content tower: from what is known of an item without a play to the vector plays would give.

For items that nobody has played yet, or few have. The inputs are attributes, content type,
language, duration, and the mean of the creator's OTHER items' vectors; the target is the vector
that sessions gave to items with enough plays. The creator's mean is hidden from a part of the
training rows (ID dropout): a creator whom nobody knows must be placed by content alone.

    x = [content, keep * mean, keep]                              [n, C + d + 1]
    vector = unit(keep * mean + relu(relu(x W1 + b1) W2 + b2) W3)  [n, d]
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from service.core.events import CONTENT_TYPES
from service.core.items import F32, ItemTable
from service.core.sessions import unit

F64 = NDArray[np.float64]

PLAYS_MIN: Final = 10
"""An item's vector is a target from so many plays on."""
ITEMS_MIN: Final = 200
"""With fewer such items there is no tower."""
HIDDEN: Final = 128
ID_DROPOUT: Final = 0.3
STEPS: Final = 1500
BATCH: Final = 512
RATE: Final = 2e-3
WEIGHT_DECAY: Final = 1e-3

Weights = dict[str, Any]


@dataclass(frozen=True)
class Tower:
    """What was learned, and how its inputs are scaled."""

    weights: dict[str, F32]
    mean: F32
    spread: F32

    def vectors(self, content: F32, creator: F32) -> F32:
        """float32[n, d], unit length.

        Shapes:
            content: float32[n, C]; creator: float32[n, d], mean vectors, zero where unknown
        """
        known = (np.abs(creator).sum(axis=1, keepdims=True) > 0).astype(np.float32)
        return np.asarray(_forward(self.weights, self.scaled(content), creator, known))

    def scaled(self, content: F32) -> F32:
        """Content as the network reads it."""
        return np.asarray((content - self.mean) / self.spread, dtype=np.float32)


def content_of(table: ItemTable) -> F32:
    """float32[n, C]: what a catalogue says of its items; what it does not say is 0, and marked."""
    unknown = np.isnan(table.attributes)
    attributes = np.where(unknown, 0.0, table.attributes)
    types = table.content_type[:, None] == np.arange(len(CONTENT_TYPES))
    languages = table.language[:, None] == np.arange(int(table.language.max(initial=0)) + 1)
    lengths = np.log1p(np.maximum(table.duration_s, 0))
    columns = (attributes, unknown, types, languages, lengths[:, None], table.explicit[:, None])
    return np.hstack(columns).astype(np.float32)


def mean_of_others(vectors: F32, counts: F64, creator: NDArray[np.int64]) -> F32:
    """float32[n, d]: the direction of the creator's other items, weighed by their plays.

    Zero where there are none, or where the creator is unknown (-1).
    """
    weighed = vectors * counts[:, None]
    total = np.zeros((int(creator.max(initial=-1)) + 1, vectors.shape[1]))
    known = np.flatnonzero(creator >= 0)
    np.add.at(total, creator[known], weighed[known])
    others = np.zeros(vectors.shape)
    others[known] = total[creator[known]] - weighed[known]
    length = np.linalg.norm(others, axis=1, keepdims=True)
    alone = length < 1e-6 * np.maximum(counts[:, None], 1)  # what rounding leaves of an only item
    return unit(np.where(alone, 0.0, others).astype(np.float32))


def fit_tower(content: F32, creator: F32, vectors: F32, counts: F64, *, seed: int) -> Tower | None:
    """Learn from the items with enough plays; None when there are too few of them.

    Shapes:
        content float32[n, C], creator and vectors float32[n, d], counts float64[n] plays
    """
    taught = np.flatnonzero((counts >= PLAYS_MIN) & (np.abs(vectors).sum(axis=1) > 0))
    if len(taught) < ITEMS_MIN:
        return None
    mean, spread = content[taught].mean(axis=0), np.maximum(content[taught].std(axis=0), 0.05)
    tower = Tower(_initial(content.shape[1], vectors.shape[1], seed), mean, spread)
    inputs = tower.scaled(content[taught]), creator[taught], vectors[taught]
    weights = _descend(tower.weights, inputs, np.random.default_rng([seed, 31]))
    return Tower({name: np.asarray(w) for name, w in weights.items()}, mean, spread)


def fill_in(vectors: F32, counts: F64, content_vectors: F32, *, weight: float) -> F32:
    """Lean rarely played items on what their content says.

    An item played `counts` times keeps the share counts / (counts + weight) of its own direction;
    one never played gets its content's. The counterpart of `models.vectors.back_off`.
    """
    own = (counts / (counts + weight))[:, None]
    return unit((own * vectors + (1 - own) * content_vectors).astype(np.float32))


def _descend(weights: Weights, inputs: tuple[F32, F32, F32], draws: np.random.Generator) -> Weights:
    content, creator, target = inputs
    optimiser = optax.adamw(optax.cosine_decay_schedule(RATE, STEPS), weight_decay=WEIGHT_DECAY)
    step = jax.jit(partial(_step, optimiser))
    state = optimiser.init(weights)
    known = np.abs(creator).sum(axis=1, keepdims=True) > 0
    for _ in range(STEPS):
        rows = draws.integers(len(target), size=min(BATCH, len(target)))
        keep = (known[rows] & (draws.random((len(rows), 1)) >= ID_DROPOUT)).astype(np.float32)
        batch = content[rows], creator[rows], keep, target[rows]
        weights, state = step(weights, state, batch)
    return weights


def _step(
    optimiser: Any, weights: Weights, state: Any, batch: tuple[Any, ...]
) -> tuple[Weights, Any]:
    slope = jax.grad(_loss)(weights, *batch)
    change, state = optimiser.update(slope, state, weights)
    return optax.apply_updates(weights, change), state


def _loss(weights: Weights, content: Any, creator: Any, keep: Any, target: Any) -> jax.Array:
    """One less the cosine to the vector that plays gave."""
    cosines = (_forward(weights, content, creator, keep) * target).sum(axis=1)
    return jnp.asarray(1 - cosines.mean())


def _forward(weights: Weights, content: Any, creator: Any, keep: Any) -> jax.Array:
    x = jnp.concatenate([content, keep * creator, keep], axis=1)
    h = jax.nn.relu(x @ weights["w1"] + weights["b1"])
    h = jax.nn.relu(h @ weights["w2"] + weights["b2"])
    out = keep * creator + h @ weights["w3"]
    return jnp.asarray(out / jnp.sqrt((out**2).sum(axis=1, keepdims=True) + 1e-12))


def _initial(content: int, dim: int, seed: int) -> dict[str, F32]:
    draws = np.random.default_rng([seed, 32])

    def he(rows: int, columns: int) -> F32:
        return np.asarray((2 / rows) ** 0.5 * draws.normal(size=(rows, columns)), np.float32)

    return {
        "w1": he(content + dim + 1, HIDDEN),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": he(HIDDEN, HIDDEN),
        "b2": np.zeros(HIDDEN, np.float32),
        "w3": 0.3 * he(HIDDEN, dim),
    }
