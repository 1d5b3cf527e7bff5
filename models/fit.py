"""Fit the ranker with JAX: three heads at once on exposed candidates, then Platt on a later slice.

Some rows are seen as a bare catalogue would give them (no attributes, durations, artists): the
model then also serves a log that has none of these.
"""

from dataclasses import replace
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from models.dataset import Examples
from models.ranker import CLIP, HEADS, HIDDEN, Ranker
from service.core.features import CANDIDATE_FEATURES, SESSION_FEATURES
from service.core.items import F32

EPOCHS: Final = 16
BATCH: Final = 2048
LEARNING_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 1e-3
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
SPREAD_MIN: Final = 0.05
NEWTON_STEPS: Final = 25

_Weights = dict[str, jax.Array]


def fit_ranker(examples: Examples, *, seed: int, epochs: int = EPOCHS) -> Ranker:
    """Train on examples; returns a ranker whose calibration does nothing yet."""
    ranker = _initial(examples, np.random.default_rng(seed))
    steps = max(1, epochs * (len(examples) // BATCH))
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, steps, alpha=0.02)
    optimiser = optax.adamw(schedule, weight_decay=WEIGHT_DECAY)
    fixed = {name for name in ranker.arrays() if name.endswith(("_mean", "_spread"))}
    fixed |= {"platt_a", "platt_c"}
    frozen = {k: jnp.asarray(v) for k, v in ranker.arrays().items() if k in fixed}
    weights = {k: jnp.asarray(v) for k, v in ranker.arrays().items() if k not in fixed}

    @jax.jit
    def step(
        weights: _Weights, momentum: optax.OptState, user: F32, cand: F32, labels: F32
    ) -> tuple[_Weights, optax.OptState]:
        slope = jax.grad(_loss)(weights, frozen, user, cand, labels)
        update, momentum = optimiser.update(slope, momentum, weights)
        return optax.apply_updates(weights, update), momentum

    momentum = optimiser.init(weights)
    draws = np.random.default_rng([seed, 1])
    for _ in range(epochs):
        for rows in _batches(draws, len(examples)):
            user, cand = _sometimes_bare(draws, examples.user[rows], examples.candidate[rows])
            weights, momentum = step(weights, momentum, user, cand, examples.labels[rows])
    return replace(ranker, **{name: np.asarray(value) for name, value in weights.items()})


def calibrate(ranker: Ranker, examples: Examples) -> Ranker:
    """Fit a slope and an offset per head (Platt) on a later slice; written into the ranker."""
    owner = np.arange(len(examples), dtype=np.int32)
    logits = ranker.logits(examples.user, owner, examples.candidate).astype(np.float64)
    pairs = [platt(logits[:, head], examples.labels[:, head]) for head in range(len(HEADS))]
    slope, offset = np.array(pairs, dtype=np.float32).T
    return replace(ranker, platt_a=slope, platt_c=offset)


def platt(logits: NDArray[np.float64], labels: F32) -> tuple[float, float]:
    """Slope and offset of a logistic regression on one logit, by Newton's method."""
    slope, offset = 1.0, 0.0
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(slope * logits + offset)))
        error, weight = p - labels, p * (1 - p) + 1e-9
        gradient = np.array([(error * logits).sum(), error.sum()])
        cross = (weight * logits).sum()
        curvature = np.array([[(weight * logits**2).sum(), cross], [cross, weight.sum()]])
        change = np.linalg.solve(curvature + 1e-6 * np.eye(2), gradient)
        slope, offset = slope - change[0], offset - change[1]
    return float(slope), float(offset)


def jax_heads(ranker: Ranker, user: F32, owner: NDArray[np.int32], cand: F32) -> F32:
    """The trained definition, for parity: float32[M, 3]."""
    weights = {name: jnp.asarray(value) for name, value in ranker.arrays().items()}
    logits = _logits(weights, jnp.asarray(user)[owner], jnp.asarray(cand))
    return np.asarray(jax.nn.sigmoid(weights["platt_a"] * logits + weights["platt_c"]))


def _logits(weights: _Weights, user: jax.Array, cand: jax.Array) -> jax.Array:
    x_user = jnp.clip((user - weights["user_mean"]) / weights["user_spread"], -CLIP, CLIP)
    x_cand = jnp.clip((cand - weights["cand_mean"]) / weights["cand_spread"], -CLIP, CLIP)
    h1 = jax.nn.relu(x_user @ weights["w_user"] + x_cand @ weights["w_cand"] + weights["b1"])
    h2 = jax.nn.relu(h1 @ weights["w2"] + weights["b2"])
    return jnp.add(h2 @ weights["w3"], weights["b3"])


def _loss(
    weights: _Weights, frozen: _Weights, user: jax.Array, cand: jax.Array, labels: jax.Array
) -> jax.Array:
    logits = _logits({**weights, **frozen}, user, cand)
    losses: jax.Array = optax.sigmoid_binary_cross_entropy(logits, labels)
    return losses.sum(axis=1).mean()


def _initial(examples: Examples, rng: np.random.Generator) -> Ranker:
    h1, h2 = HIDDEN
    users, cands = examples.user.shape[1], examples.candidate.shape[1]

    def he(rows: int, columns: int, fan_in: int) -> F32:
        scale = np.sqrt(2.0 / fan_in)
        return np.asarray(scale * rng.normal(size=(rows, columns)), dtype=np.float32)

    rates = np.clip(examples.labels.mean(axis=0), 1e-3, 1 - 1e-3)
    return Ranker(
        user_mean=examples.user.mean(axis=0),
        user_spread=_spread(examples.user),
        cand_mean=examples.candidate.mean(axis=0),
        cand_spread=_spread(examples.candidate),
        w_user=he(users, h1, users + cands),
        w_cand=he(cands, h1, users + cands),
        b1=np.zeros(h1, np.float32),
        w2=he(h1, h2, h1),
        b2=np.zeros(h2, np.float32),
        w3=0.1 * he(h2, len(HEADS), h2),
        b3=np.log(rates / (1 - rates)).astype(np.float32),
        platt_a=np.ones(len(HEADS), np.float32),
        platt_c=np.zeros(len(HEADS), np.float32),
    )


def _spread(columns: F32) -> F32:
    """Standard deviation, not below a floor: a column that hardly moves must not explode later."""
    return np.asarray(np.maximum(columns.std(axis=0), SPREAD_MIN), dtype=np.float32)


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
