"""How far the scores of two models are spread from each other."""

import numpy as np

from service.core.items import F32
from service.lifecycle.agreement import SCORES_MIN, drift, psi

HEADS = ("skip", "complete")


def scores(seed: int, a: float = 2.0, b: float = 5.0, count: int = 2_000) -> F32:
    return np.random.default_rng(seed).beta(a, b, (count, 2)).astype(np.float32)


def test_two_samples_of_one_spread_are_near() -> None:
    found = drift(scores(1), scores(2), (HEADS, HEADS))
    assert found is not None
    assert found < 0.02


def test_an_inverted_head_is_far_though_the_other_is_the_same() -> None:
    inverted = scores(2)
    inverted[:, 0] = 1 - inverted[:, 0]
    found = drift(scores(1), inverted, (HEADS, HEADS))
    assert found is not None
    assert found > 2


def test_heads_are_compared_by_name() -> None:
    found = drift(scores(1), scores(2)[:, ::-1], (HEADS, HEADS[::-1]))
    assert found == drift(scores(1), scores(2), (HEADS, HEADS))


def test_without_a_common_head_or_enough_scores_nothing_is_said() -> None:
    few = scores(1, count=SCORES_MIN - 1)
    assert drift(scores(1), scores(2), (HEADS, ("next", "like"))) is None
    assert drift(few, scores(2), (HEADS, HEADS)) is None


def test_a_model_that_says_one_thing_for_everything_is_far() -> None:
    spread = scores(1)[:, 0]
    assert psi(spread, np.full_like(spread, 0.3)) > 2


def test_many_scores_that_are_nearly_the_same_make_no_drift() -> None:
    flat = np.full(2_000, 0.75, np.float32)
    spread = np.linspace(0.1, 0.7, 1_000, dtype=np.float32)
    scores = np.concatenate([flat, spread])
    assert psi(scores, scores + np.float32(0.0005)) < 0.05
    assert psi(scores, 1 - scores) > 1
