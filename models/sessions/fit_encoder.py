"""Fit the session encoder with JAX: sampled softmax over shared negatives, all positions at once.

Item vectors begin as PPMI-SVD. Only the rows that a batch touches are moved (a lazy Adam): a
table of millions of numbers never passes through the optimiser. Negatives are drawn in proportion
to recency-weighted counts to a power; the logarithm of that proportion is taken off every logit, so
that what is drawn often is not pushed down for it.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]

from models.sessions.encoder import F32, Encoder
from models.sessions.encoder_batches import Batch, epoch, negatives_law
from models.sessions.encoder_windows import windows_of
from models.sessions.lazy_adam import LazyAdam
from models.sessions.read import SessionLog
from models.sessions.recipe import EncoderRecipe
from models.vectors import item_vectors
from service.core.memory import PlayEnd

Dense = dict[str, jax.Array]
Vectors = tuple[jax.Array, jax.Array]
"""Vectors of a batch's plays float32[B, L + 1, d] and of its negatives float32[K, d]."""

END_RATE: Final = 0.02
UNMARKED: Final = (PlayEnd.PLAYING, PlayEnd.COMPLETED)
_Step = Callable[..., tuple[Dense, optax.OptState, Vectors]]


def fit_encoder(log: SessionLog, items: int, recipe: EncoderRecipe, *, seed: int) -> Encoder:
    """Train on every session of the log."""
    draws = np.random.default_rng([seed, 11])
    table = LazyAdam(initial_table(log, items, recipe, draws))
    dense = initial_dense(recipe.dim, draws)
    history = recipe.history and len(np.unique(log.users)) < len(log)
    law, cut = negatives_law(log, items, recipe), windows_of(log, recipe.recency, history=history)
    steps = recipe.epochs * sum(1 for _ in epoch(cut, law, recipe, draws))
    optimiser, slopes_of = _compiled(recipe)
    state, key, number = optimiser.init(dense), jax.random.key(seed), 0
    for _ in range(recipe.epochs):
        for batch in epoch(cut, law, recipe, draws):
            share = rate_share(number, steps, recipe.warm_up_steps)
            rows = np.concatenate([batch.plays.ravel(), batch.negatives])
            vectors = table.rows[batch.plays], table.rows[batch.negatives]
            dense, state, slopes = slopes_of(dense, state, vectors, batch, share, key, number)
            table.move(rows, _flat(slopes, recipe.dim), recipe.table_rate * share)
            number += 1
    return _encoder(table.rows, dense, reads_history=history)


def rate_share(number: int, steps: int, warm_up: int) -> float:
    """The learning rate of a step, as a share: a linear rise, then a cosine down to 2 %."""
    rise = min(warm_up, steps // 4)
    if number < rise:
        return (number + 1) / rise
    fallen = (number - rise) / max(steps - rise, 1)
    return END_RATE + (1 - END_RATE) * 0.5 * (1 + math.cos(math.pi * fallen))


def initial_table(
    log: SessionLog, items: int, recipe: EncoderRecipe, draws: np.random.Generator
) -> F32:
    """float32[items + 1, d]: PPMI-SVD with a little noise; the last row, the unknown item's, 0."""
    known = [session[session >= 0] for session in log.arrays()]
    vectors = item_vectors(known, items, dim=recipe.dim)
    noise = draws.normal(size=vectors.shape) / np.sqrt(recipe.dim)
    table = np.zeros((items + 1, recipe.dim), dtype=np.float32)
    table[:-1] = (1 - recipe.noise) * vectors + recipe.noise * noise
    return table


def initial_dense(dim: int, draws: np.random.Generator) -> Dense:
    """GRU weights by fan-in, the recurrent ones halved; both read-outs half the identity."""
    scale = 1 / np.sqrt(dim)
    half = 0.5 * np.eye(dim)
    first = {
        "w_x": draws.normal(size=(dim, 3 * dim)) * scale,
        "w_h": draws.normal(size=(dim, 3 * dim)) * scale * 0.5,
        "b_x": np.zeros(3 * dim),
        "b_h": np.zeros(3 * dim),
        "w_out": half,
        "w_last": half,
        "ends": np.zeros((len(PlayEnd), dim)),
        "earlier": np.zeros(dim),
    }
    return {name: jnp.asarray(value, jnp.float32) for name, value in first.items()}


def unit(x: jax.Array) -> jax.Array:
    """Scale rows to length 1; safe to differentiate at zero."""
    return jnp.asarray(x * jax.lax.rsqrt(jnp.sum(x * x, axis=-1, keepdims=True) + 1e-12))


def run_gru(dense: Dense, x: jax.Array) -> jax.Array:
    """All states of all sessions: float32[B, L, d] -> float32[B, L, d]."""
    d = x.shape[-1]
    from_x = jnp.swapaxes(x @ dense["w_x"] + dense["b_x"], 0, 1)

    def one(state: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        from_h = state @ dense["w_h"] + dense["b_h"]
        gates = jax.nn.sigmoid(now[:, : 2 * d] + from_h[:, : 2 * d])
        new = jnp.tanh(now[:, 2 * d :] + gates[:, :d] * from_h[:, 2 * d :])
        state = (1 - gates[:, d:]) * new + gates[:, d:] * state
        return state, state

    _, states = jax.lax.scan(one, jnp.zeros((x.shape[0], d), x.dtype), from_x)
    return jnp.swapaxes(states, 0, 1)


def actions(dense: Dense) -> jax.Array:
    """`Encoder.actions`. Plays that ended as most do add nothing: they are the measure."""
    told = jnp.asarray([end not in UNMARKED for end in PlayEnd], jnp.float32)[:, None]
    ends = told * dense["ends"]
    return jnp.concatenate([ends, ends + dense["earlier"]])


def directions(dense: Dense, states: jax.Array, x: jax.Array) -> jax.Array:
    """Where each state points: float32[B, L, d], unit length."""
    return unit(states @ dense["w_out"] + x @ dense["w_last"])


def loss_of(
    learned: tuple[Dense, Vectors], batch: Batch, recipe: EncoderRecipe, key: Any
) -> jax.Array:
    """Weighted cross-entropy of the target against the shared negatives, the logQ taken off."""
    dense, (plays, drawn) = learned[0], (unit(part) for part in learned[1])
    from_key, of_key = jax.random.split(key)
    x = plays[:, :-1] * math.sqrt(recipe.dim) + actions(dense)[batch.action[:, :-1]]
    x = _drop(x, recipe.dropout, from_key)
    states = _drop(run_gru(dense, x), recipe.dropout, of_key)
    out = directions(dense, states, x)
    mine = (out * plays[:, 1:]).sum(axis=2) / recipe.tau - batch.log_share[:, 1:]
    others = out @ drawn.T / recipe.tau - batch.negatives_log_share
    hit = batch.plays[:, 1:, None] == batch.negatives
    against = jax.nn.logsumexp(jnp.where(hit, -1e9, others), axis=2)
    if batch.skipped is not None:
        against = jnp.logaddexp(against, _skipped(out, plays, batch, recipe.tau))
    losses = jnp.logaddexp(mine, against) - mine
    return jnp.asarray((batch.weight * losses).sum() / recipe.batch_positions)


def _skipped(out: jax.Array, plays: jax.Array, batch: Batch, tau: float) -> jax.Array:
    """float32[B, L]: what the session skipped up to the target, as negatives of its own."""
    scores = out @ jnp.swapaxes(plays, 1, 2) / tau - jnp.asarray(batch.log_share)[:, None, :]
    length = scores.shape[1]
    so_far = jnp.arange(length + 1) <= jnp.arange(length)[:, None]
    hit = batch.plays[:, 1:, None] == batch.plays[:, None, :]
    mask = jnp.asarray(batch.skipped)[:, None, :] & so_far & ~hit
    return jnp.asarray(jax.nn.logsumexp(jnp.where(mask, scores, -1e9), axis=2))


def _drop(x: jax.Array, share: float, key: Any) -> jax.Array:
    keep = jax.random.bernoulli(key, 1 - share, x.shape)
    return jnp.where(keep, x / (1 - share), 0.0)


@lru_cache(maxsize=4)
def _compiled(recipe: EncoderRecipe) -> tuple[optax.GradientTransformation, _Step]:
    """One program per recipe and shape: fits that follow each other share it."""
    optimiser = optax.adamw(recipe.dense_rate, weight_decay=recipe.weight_decay)

    def step(  # noqa: PLR0913, PLR0917 - what a step reads
        dense: Dense,
        state: optax.OptState,
        vectors: Vectors,
        batch: Batch,
        share: float,
        key: Any,
        number: int,
    ) -> tuple[Dense, optax.OptState, Vectors]:
        now = jax.random.fold_in(key, number)
        slopes, moves = jax.grad(loss_of)((dense, vectors), batch, recipe, now)
        change, state = optimiser.update(slopes, state, dense)
        change = jax.tree.map(lambda leaf: share * leaf, change)
        return optax.apply_updates(dense, change), state, moves

    return optimiser, jax.jit(step)


def _flat(slopes: Vectors, dim: int) -> F32:
    return np.concatenate([np.asarray(part).reshape(-1, dim) for part in slopes])


def _encoder(table: F32, dense: Dense, *, reads_history: bool) -> Encoder:
    length = np.linalg.norm(table, axis=1, keepdims=True)
    weights = {name: np.asarray(value) for name, value in dense.items()}
    del weights["ends"], weights["earlier"]
    return Encoder(
        table=np.asarray(table / np.maximum(length, 1e-6), np.float32),
        actions=np.asarray(actions(dense), np.float32),
        reads_history=reads_history,
        **weights,
    )
