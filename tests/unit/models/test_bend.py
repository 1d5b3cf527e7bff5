"""A bend says what one slope cannot, never turns the order round, and is the same in the graph."""

from pathlib import Path

import numpy as np
import pytest

from models.bend_fit import SLOPE_MIN, bent, two_slopes
from models.export import export, golden_inputs
from models.graph_reading import read_ranker
from models.initial import initial_ranker
from models.jax_ranker import jax_score
from models.ranker import TYPES, Ranker
from service.adapters.onnx import OnnxScorer
from service.core.features import CANDIDATE_FEATURES, SESSION_FEATURES


def seen_at(logits: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    seen: np.ndarray = draws.random(len(logits)) < 1 / (1 + np.exp(-logits))
    return seen.astype(np.float64)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    draws = np.random.default_rng(2)
    user = draws.normal(size=(50, len(SESSION_FEATURES))).astype(np.float32)
    cand = draws.normal(size=(50, len(CANDIDATE_FEATURES))).astype(np.float32)
    return initial_ranker(user, cand, draws)


@pytest.fixture(scope="module")
def curved(ranker: Ranker) -> Ranker:
    """Calibrated on outcomes that stop rising half way, of two content types."""
    draws = np.random.default_rng(3)
    logits = draws.normal(size=(16_000, 3)).astype(np.float32)
    labels = seen_at(np.minimum(logits, 0).ravel(), draws).reshape(-1, 3).astype(np.float32)
    return bent(ranker, logits, labels, np.repeat(np.arange(2, dtype=np.uint8), 8000))


def test_two_slopes_find_the_bend_that_made_the_labels() -> None:
    draws = np.random.default_rng(1)
    logits = draws.normal(size=60_000)
    seen = seen_at(1.5 * np.minimum(logits, 0) + 0.3 * np.maximum(logits, 0) - 0.5, draws)
    knot, before, after, offset = two_slopes(logits.astype(np.float32), seen)
    assert knot == pytest.approx(0, abs=0.05)
    assert (before, after, offset) == pytest.approx((1.5, 0.3, -0.5), abs=0.1)


def test_outcomes_that_fall_again_turn_no_order_round() -> None:
    draws = np.random.default_rng(1)
    logits = draws.normal(size=60_000)
    seen = seen_at(2 * np.minimum(logits, 0) - 1.0 * np.maximum(logits, 0), draws)
    _, before, after, _ = two_slopes(logits.astype(np.float32), seen)
    assert after == SLOPE_MIN
    assert before > 1


def test_a_type_without_examples_keeps_a_straight_line(curved: Ranker) -> None:
    assert curved.bend is not None
    assert (curved.bend.bend[:2] < -0.3).all()
    assert not curved.bend.bend[2:].any()
    assert len(curved.bend.bend) == TYPES


def test_graph_jax_and_plain_definition_agree_and_the_file_reads_back(
    curved: Ranker, tmp_path: Path
) -> None:
    export(curved, tmp_path, window="a test", seed=1, metrics={})
    features = golden_inputs(curved, 5)
    expected = curved.score(features)
    straight = np.abs(expected - Ranker(**(vars(curved) | {"bend": None})).score(features))
    assert straight.max() > 0.01  # the bend matters here
    np.testing.assert_allclose(OnnxScorer.load(tmp_path).score(features), expected, atol=1e-5)
    np.testing.assert_allclose(jax_score(curved, features), expected, atol=1e-5)
    np.testing.assert_array_equal(read_ranker(tmp_path).score(features), expected)
