"""The listwise head: learns what comes next, and says a probability per candidate."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnxruntime as ort
import pytest

from models.fit_choices import ChoiceRecipe, calibrate_choices, choice_features, fit_choices
from models.graph import to_onnx
from models.jax_ranker import jax_score
from models.ranker import Ranker

COLUMNS, WIDTH = 6, 20


@dataclass(frozen=True)
class Chosen:
    """Queries of up to 20 candidates; the one with the largest first column came next."""

    features: np.ndarray
    starts: np.ndarray
    target_at: np.ndarray

    def __len__(self) -> int:
        return len(self.target_at)

    @property
    def widest(self) -> int:
        return WIDTH

    def padded(self, chosen: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        at = self.starts[chosen][:, None] + np.arange(width)
        there = at < self.starts[chosen + 1][:, None]
        return self.features[np.where(there, at, 0)].astype(np.float32), there


def some_choices(queries: int, seed: int) -> Chosen:
    draws = np.random.default_rng(seed)
    lengths = draws.integers(2, WIDTH + 1, queries)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    features = draws.normal(size=(starts[-1], COLUMNS)).astype(np.float32)
    noisy = 3 * features[:, 0] + draws.gumbel(size=starts[-1])
    target = np.array([np.argmax(noisy[a:b]) for a, b in pairwise(starts)])
    return Chosen(features.astype(np.float16), starts, target)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    recipe = ChoiceRecipe(hidden=(16, 16), epochs=4)
    fitted = fit_choices(some_choices(2000, 0), recipe, seed=1)
    later = some_choices(500, 1)
    return calibrate_choices(fitted, later, np.zeros(len(later.features), np.uint8), seed=1)


def test_it_finds_what_came_next_far_above_chance(ranker: Ranker) -> None:
    test = some_choices(400, 2)
    kind = np.zeros(len(test.features), np.uint8)
    scores = ranker.score(choice_features(test.features.astype(np.float32), kind))[:, 0]
    found = np.array([np.argmax(scores[a:b]) for a, b in pairwise(test.starts)])
    assert (found == test.target_at).mean() > 0.6  # one in eleven by chance


def test_its_probabilities_add_up_to_what_happened(ranker: Ranker) -> None:
    test = some_choices(400, 3)
    kind = np.zeros(len(test.features), np.uint8)
    scores = ranker.score(choice_features(test.features.astype(np.float32), kind))
    assert scores.sum() == pytest.approx(len(test), rel=0.1)


@pytest.mark.parametrize("rows", [0, 1, 213])
def test_a_graph_without_a_user_part_reads_candidates_alone_and_agrees(
    ranker: Ranker, rows: int
) -> None:
    graph = ort.InferenceSession(to_onnx(ranker, {}), providers=["CPUExecutionProvider"])
    assert {declared.name for declared in graph.get_inputs()} == {"cand", "kind"}
    draws = np.random.default_rng(4)
    cand = draws.normal(scale=2, size=(rows, COLUMNS)).astype(np.float32)
    features = choice_features(cand, draws.integers(0, 4, rows, dtype=np.uint8))
    (heads,) = graph.run(None, {"cand": features.candidate, "kind": features.kind})
    expected = ranker.score(features)
    assert heads.shape == expected.shape == (rows, 1)
    assert np.abs(heads - expected).max(initial=0) <= 1e-5
    assert np.abs(jax_score(ranker, features) - expected).max(initial=0) <= 1e-5
