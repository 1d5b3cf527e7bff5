"""Fit a ranker's `next` head with JAX: which of a query's candidates came next, as one choice.

The softmax is training's alone. What is served is one candidate's probability, from the same logit
through its calibration: it depends on no other candidate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import jax
import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from models.calibration import calibrated
from models.initial import initial_ranker, with_attention
from models.jax_attention import RingBatch, read_out
from models.jax_ranker import Weights, choice_loss, logits, split_weights
from models.ranker import Ranker, owners
from models.ring_rows import RingRows
from service.core.features import Features
from service.core.items import F32, U8

SAMPLE: Final = 200_000
"""Rows that means, spreads and the calibration are taken from."""
END_RATE: Final = 0.02
I64 = NDArray[np.int64]


class Choices(Protocol):
    """Queries whose target is among their candidates (n queries, m candidates, f features)."""

    @property
    def features(self) -> Any:
        """[m, f], query by query, in any precision."""
        ...

    @property
    def starts(self) -> I64:
        """int64[n + 1]: where each query's candidates begin."""
        ...

    @property
    def target_at(self) -> I64:
        """int64[n]: which candidate came next, from its query's start."""
        ...

    def __len__(self) -> int:
        """How many queries there are."""
        ...

    def padded(self, chosen: I64, width: int) -> tuple[F32, NDArray[np.bool_]]:
        """float32[q, width, f] and bool[q, width], where there is a candidate."""
        ...

    @property
    def widest(self) -> int:
        """The most candidates that a query has."""
        ...


@dataclass(frozen=True, kw_only=True)
class ChoiceRecipe:
    """How the head learns."""

    hidden: tuple[int, int] = (64, 64)
    epochs: int = 8
    batch_queries: int = 64
    rate: float = 3e-3
    weight_decay: float = 1e-4
    blocks: tuple[str, ...] = ("evidence",)


def fit_choices(
    examples: Choices, recipe: ChoiceRecipe, *, seed: int, ring: RingRows | None = None
) -> Ranker:
    """Train; returns a ranker with one head, `next`, whose calibration does nothing yet.

    With a `ring` of the same queries and candidates, the ranker has target attention.
    """
    draws = np.random.default_rng([seed, 12])
    sample = _sample(examples, draws)
    nobody = np.empty((len(sample), 0), np.float32)
    ranker = initial_ranker(
        nobody,
        sample,
        draws,
        heads=("next",),
        blocks=recipe.blocks,
        hidden=recipe.hidden,
        spread_min=0.0,
    )
    if ring is not None:
        ranker = with_attention(ranker, ring.vectors.shape[1], draws)
    weights, fixed = split_weights(ranker)
    size, width = min(recipe.batch_queries, len(examples)), examples.widest
    steps = max(1, recipe.epochs * (len(examples) // size))
    schedule = optax.cosine_decay_schedule(recipe.rate, steps, END_RATE)
    optimiser = optax.adamw(schedule, weight_decay=recipe.weight_decay)
    step = _step(optimiser, fixed)
    state = optimiser.init(weights)
    for _ in range(recipe.epochs):
        order = draws.permutation(len(examples))
        for begin in range(0, len(order) - size + 1, size):
            chosen = order[begin : begin + size]
            features, there = examples.padded(chosen, width)
            read = None
            if ring is not None:
                at = np.where(there, examples.starts[chosen][:, None] + np.arange(width), 0)
                read = ring.batch(chosen, at)
            batch = features, there, examples.target_at[chosen], read
            weights, state = step(weights, state, batch)
    return ranker.with_arrays({name: np.asarray(value) for name, value in weights.items()})


def calibrate_choices(ranker: Ranker, examples: Choices, kind: U8, *, seed: int) -> Ranker:
    """Fit slopes and offsets per content type on a sample of candidates, later than training's.

    Shapes:
        kind: uint8[m], content type of every candidate
    """
    labels = np.zeros(len(examples.features), dtype=np.float32)
    labels[examples.starts[:-1] + examples.target_at] = 1
    rows = np.arange(len(labels))
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng([seed, 15]).choice(len(rows), SAMPLE, replace=False))
    features = choice_features(np.asarray(examples.features[rows], np.float32), kind[rows])
    return calibrated(ranker, ranker.logits(features), labels[rows][:, None], kind[rows])


def choice_features(candidate: F32, kind: U8) -> Features:
    """Candidates' columns alone, as a ranker without a user part reads them."""
    nobody = np.empty((len(candidate), 0), np.float32)
    return Features(nobody, owners(len(candidate)), candidate, kind)


def _sample(examples: Choices, draws: np.random.Generator) -> F32:
    rows = draws.integers(0, max(len(examples.features), 1), SAMPLE)
    return np.asarray(examples.features[rows], dtype=np.float32)


def _step(
    optimiser: Any, fixed: Weights
) -> Callable[[Weights, Any, tuple[Any, ...]], tuple[Weights, Any]]:
    def loss(
        weights: Weights, features: Any, there: Any, target_at: Any, ring: RingBatch | None
    ) -> jax.Array:
        nobody, read = features[..., :0], None if ring is None else read_out(weights, ring)
        scores = logits({**weights, **fixed}, nobody, features, read)[..., 0]
        return choice_loss(scores, there, target_at)

    @jax.jit
    def step(weights: Weights, state: Any, batch: tuple[Any, ...]) -> tuple[Weights, Any]:
        slopes = jax.grad(loss)(weights, *batch)
        change, state = optimiser.update(slopes, state, weights)
        return optax.apply_updates(weights, change), state

    return step
