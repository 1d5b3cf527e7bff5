"""Item vectors: what is heard together is near, the result is exact and repeatable."""

import numpy as np
import pytest
from scipy import sparse

from models.nearest import nearest
from models.vectors import (
    back_off,
    cooccurrence,
    item_vectors,
    leading_eigenpairs,
    positive_pmi,
)

ITEMS = 60


def sessions_of_two_worlds() -> list[np.ndarray]:
    draws = np.random.default_rng(0)
    return [draws.integers(0, 30, 8) + 30 * (number % 2) for number in range(400)]


def test_cooccurrence_weighs_by_distance_up_to_five_and_leaves_the_diagonal_empty() -> None:
    counts = cooccurrence([np.array([0, 1, 0, 2, 3, 4, 5])], 6).toarray()
    assert counts[0, 1] == 1 + 1  # a step apart, twice
    assert counts[1, 2] == pytest.approx(1 / 2)
    assert counts[0, 5] == pytest.approx(1 / 4)  # six plays apart counts nothing
    assert (np.diag(counts) == 0).all()
    assert (counts == counts.T).all()


def test_sessions_do_not_touch_each_other() -> None:
    assert cooccurrence([np.array([0]), np.array([1])], 2).nnz == 0


def test_eigenpairs_equal_the_dense_ones() -> None:
    low_rank = np.random.default_rng(1).normal(size=(40, 3))
    matrix = low_rank @ low_rank.T
    values, vectors = leading_eigenpairs(sparse.csr_matrix(matrix), 3, seed=0)
    assert values == pytest.approx(np.linalg.eigvalsh(matrix)[::-1][:3])
    assert vectors * values @ vectors.T == pytest.approx(matrix)


def test_positive_pmi_is_symmetric_and_never_negative() -> None:
    ppmi = positive_pmi(cooccurrence(sessions_of_two_worlds(), ITEMS)).toarray()
    assert ppmi == pytest.approx(ppmi.T)
    assert (ppmi >= 0).all()


def test_items_heard_together_are_near_and_vectors_have_unit_length() -> None:
    vectors = item_vectors(sessions_of_two_worlds(), ITEMS + 1, dim=8)
    likeness = vectors @ vectors.T
    assert likeness[:30, :30].mean() > 0.2 + likeness[:30, 30:60].mean()
    assert np.linalg.norm(vectors[:ITEMS], axis=1) == pytest.approx(1, abs=1e-5)
    assert not vectors[ITEMS].any()  # never heard


def test_the_same_sessions_give_the_same_bits() -> None:
    first, second = (item_vectors(sessions_of_two_worlds(), ITEMS, dim=8) for _ in range(2))
    assert (first == second).all()


def test_more_dimensions_than_items_are_filled_with_zeros() -> None:
    vectors = item_vectors([np.array([0, 1, 2])], 3)
    assert vectors.shape == (3, 64)
    assert np.isfinite(vectors).all()


def test_a_log_without_sessions_has_no_vectors() -> None:
    assert not item_vectors([], 5, dim=4).any()


def test_neighbours_stay_within_the_group_and_fall_in_similarity() -> None:
    draws = np.random.default_rng(2)
    vectors = draws.normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[49] = 0
    group = (np.arange(50) % 2).astype(np.uint8)
    rows = nearest(vectors, group, count=30)
    for item in range(49):
        found = rows[item][rows[item] >= 0]
        others = [r for r in range(49) if r != item and group[r] == group[item]]
        expected = sorted(others, key=lambda r: -float(vectors[item] @ vectors[r]))
        assert found.tolist() == expected
    assert (rows[49] == -1).all()


def test_a_rare_item_leans_on_its_group_and_a_stranger_takes_its_place() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 0], [0, 1]], dtype=np.float32)
    counts, group = np.array([98.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, -1])
    leaning = back_off(vectors, counts, group, weight=2.0)
    assert leaning[0, 0] > 0.99
    assert leaning[1, 0] > leaning[1, 1] > 0
    assert leaning[2, 0] > 0.99
    assert leaning[3].tolist() == [0, 1]
