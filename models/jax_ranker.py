"""The ranker as JAX trains it: the same formulas, and what each kind of head is fitted by.

Pointwise heads (skip, complete, like) are probabilities of one candidate alone. The `next` head is
listwise: which of a query's candidates came next, as one choice.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]

from models.jax_attention import one_each, read_out
from models.ranker import CLIP, Ranker
from service.core.features import Features
from service.core.items import F32

Weights = dict[str, jax.Array]

FIXED = ("user_mean", "user_spread", "cand_mean", "cand_spread", "slope", "offset")
"""Parameters that training does not move."""


def logits(weights: Weights, user: Any, cand: Any, read: Any = None) -> jax.Array:
    """Before calibration: user [..., Fu] and cand [..., Fc] side by side -> [..., H].

    `read` [..., 2k] is what attention found, for a ranker that has it.
    """
    x_cand = jnp.clip((cand - weights["cand_mean"]) / weights["cand_spread"], -CLIP, CLIP)
    h1 = x_cand @ weights["w_cand"] + weights["b1"]
    if weights["user_mean"].shape[0]:
        x_user = jnp.clip((user - weights["user_mean"]) / weights["user_spread"], -CLIP, CLIP)
        h1 += x_user @ weights["w_user"]
    if read is not None:
        h1 += read @ weights["w_read"]
    h2 = jax.nn.relu(jax.nn.relu(h1) @ weights["w2"] + weights["b2"])
    return jnp.add(h2 @ weights["w3"], weights["b3"])


def pointwise_loss(scores: jax.Array, labels: Any) -> jax.Array:
    """Mean cross-entropy per candidate, added over heads; a label of NaN says nothing.

    Shapes:
        scores, labels: float32[n, H]
    """
    known = ~jnp.isnan(labels)
    losses = optax.sigmoid_binary_cross_entropy(scores, jnp.where(known, labels, 0.0))
    return jnp.asarray(jnp.where(known, losses, 0.0).sum(axis=1).mean())


def choice_loss(scores: jax.Array, there: Any, target_at: Any) -> jax.Array:
    """Mean cross-entropy of the target among its query's candidates.

    Shapes:
        scores: float32[q, width]; there: bool[q, width], a candidate is here; target_at: int[q]
    """
    scores = jnp.where(there, scores, -1e9)
    of_target = jnp.take_along_axis(scores, jnp.asarray(target_at)[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(scores, axis=1) - of_target)


def jax_score(ranker: Ranker, features: Features) -> F32:
    """The trained definition, for parity with `Ranker.score`: float32[M, H]."""
    weights = {name: jnp.asarray(value) for name, value in ranker.arrays().items()}
    user = jnp.asarray(features.user)[features.owner]
    read = None
    if features.ring is not None and ranker.attention is not None:
        read = read_out(weights, one_each(features.ring, features.owner))[:, 0]
    raw = logits(weights, user, jnp.asarray(features.candidate), read)
    slope, offset = weights["slope"][features.kind], weights["offset"][features.kind]
    line = slope * raw + offset
    if ranker.bend is not None:
        beyond = jnp.maximum(raw - ranker.bend.knot[features.kind], 0)
        line += ranker.bend.bend[features.kind] * beyond
    return np.asarray(jax.nn.sigmoid(line))


def split_weights(ranker: Ranker) -> tuple[Weights, Weights]:
    """The parameters that are trained, and those that are not."""
    arrays = {name: jnp.asarray(value) for name, value in ranker.arrays().items()}
    return (
        {name: value for name, value in arrays.items() if name not in FIXED},
        {name: value for name, value in arrays.items() if name in FIXED},
    )
