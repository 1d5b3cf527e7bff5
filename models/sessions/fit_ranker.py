"""Fit the ranker with JAX: which of a query's candidates came next, as one choice (softmax)."""

import math
from dataclasses import replace
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]

from models.sessions.ranker import CLIP, SessionRanker
from models.sessions.ranker_examples import RankerExamples
from models.sessions.recipe import RankerRecipe
from models.sessions.sparse_rows import F32

SAMPLE: Final = 200_000
"""Rows that means and spreads are taken from."""
FIXED: Final = ("mean", "spread")
Weights = dict[str, jax.Array]


def fit_ranker(examples: RankerExamples, recipe: RankerRecipe, *, seed: int) -> SessionRanker:
    """Train on queries whose target is among their candidates."""
    draws = np.random.default_rng([seed, 12])
    ranker = initial_ranker(examples, recipe, draws)
    arrays = {name: jnp.asarray(value) for name, value in ranker.arrays().items()}
    fixed = {name: arrays.pop(name) for name in FIXED}
    size, width = min(recipe.batch_queries, len(examples)), examples.widest
    steps = recipe.epochs * (len(examples) // size)
    schedule = optax.cosine_decay_schedule(recipe.rate, max(steps, 1), 0.02)
    optimiser = optax.adamw(schedule, weight_decay=recipe.weight_decay)

    @jax.jit
    def step(weights: Weights, state: Any, batch: tuple[Any, Any, Any]) -> tuple[Weights, Any]:
        slopes = jax.grad(lambda w: choice_loss({**w, **fixed}, *batch))(weights)
        change, state = optimiser.update(slopes, state, weights)
        return optax.apply_updates(weights, change), state

    state = optimiser.init(arrays)
    for _ in range(recipe.epochs):
        order = draws.permutation(len(examples))
        for begin in range(0, len(order) - size + 1, size):
            chosen = order[begin : begin + size]
            batch = (*examples.padded(chosen, width), examples.target_at[chosen])
            arrays, state = step(arrays, state, batch)
    return replace(ranker, **{name: np.asarray(value) for name, value in arrays.items()})


def choice_loss(weights: Weights, features: Any, there: Any, target_at: Any) -> jax.Array:
    """Mean cross-entropy of the target among the candidates that are there."""
    scores = jnp.where(there, jax_score(weights, features), -1e9)
    of_target = jnp.take_along_axis(scores, jnp.asarray(target_at)[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(scores, axis=1) - of_target)


def jax_score(weights: Weights, features: Any) -> jax.Array:
    """The trained definition; equals SessionRanker.score."""
    x = jnp.clip((features - weights["mean"]) / weights["spread"], -CLIP, CLIP)
    h1 = jax.nn.relu(x @ weights["w1"] + weights["b1"])
    h2 = jax.nn.relu(h1 @ weights["w2"] + weights["b2"])
    return jnp.asarray((h2 @ weights["w3"])[..., 0])


def initial_ranker(
    examples: RankerExamples, recipe: RankerRecipe, draws: np.random.Generator
) -> SessionRanker:
    """Inputs standardised on a sample, weights by fan-in."""
    rows = draws.integers(0, max(len(examples.features), 1), SAMPLE)
    sample = examples.features[rows].astype(np.float32)
    spread = sample.std(axis=0)
    sizes = (sample.shape[1], *recipe.hidden, 1)

    def layer(number: int, gain: float) -> F32:
        shape = sizes[number : number + 2]
        return np.asarray(gain * draws.normal(size=shape) / math.sqrt(shape[0]), np.float32)

    return SessionRanker(
        mean=sample.mean(axis=0),
        spread=np.where(spread < 1e-3, 1, spread).astype(np.float32),
        w1=layer(0, math.sqrt(2)),
        b1=np.zeros(sizes[1], np.float32),
        w2=layer(1, math.sqrt(2)),
        b2=np.zeros(sizes[2], np.float32),
        w3=layer(2, 0.1),
    )
