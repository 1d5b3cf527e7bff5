"""Target attention as JAX trains it: the same formulas as `Attention.read`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from models.attention import SCORE_MAX, TINY
from service.core.features import Ring

Weights = dict[str, jax.Array]


class RingBatch(NamedTuple):
    """items float32[q, w, d] of w candidates a query; plays float32[q, r, d]; good, bad [q, r]."""

    items: Any
    plays: Any
    good: Any
    bad: Any


def read_out(weights: Weights, ring: RingBatch) -> jax.Array:
    """float32[q, w, 2k]."""
    own = ring.items @ weights["w_value"]
    query = ring.items @ weights["w_query"] / np.sqrt(weights["w_query"].shape[1])
    keys, values = ring.plays @ weights["w_key"], ring.plays @ weights["w_value"]
    score = jnp.clip(jnp.einsum("qwk,qrk->qwr", query, keys), -SCORE_MAX, SCORE_MAX)
    parts = []
    for mask in (ring.good, ring.bad):
        mine = jnp.exp(score) * mask[:, None, :]
        share = mine / jnp.maximum(mine.sum(axis=2, keepdims=True), TINY)
        parts.append(own * jnp.einsum("qwr,qrk->qwk", share, values))
    return jnp.concatenate(parts, axis=2)


def one_each(ring: Ring, owner: NDArray[np.int32]) -> RingBatch:
    """Every candidate a query of its own."""
    return RingBatch(ring.items[:, None], ring.plays[owner], ring.good[owner], ring.bad[owner])
