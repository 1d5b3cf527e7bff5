"""The vectorised neighbours equal a slow walk over dictionaries."""

from collections import defaultdict
from math import exp

import numpy as np
import pytest
from scipy import sparse

from models.sessions.neighbours import NEWEST_FIRST, index_sessions
from models.sessions.read import session_log
from models.sessions.recipe import NeighbourRecipe
from models.sessions.sparse_rows import look_up, top_per_row
from tests.unit.models.sessions.samples import ITEMS, chain_log

RECIPE = NeighbourRecipe(sessions=7, postings_max=5, fade_plays=2.0)


def slow_scores(recent: list[int]) -> dict[int, float]:
    """VSKNN as its definition reads."""
    sessions = [set(session.tolist()) for session in chain_log().arrays()]
    weight: dict[int, float] = {}
    for place, item in enumerate(recent):
        weight.setdefault(item, exp(-place / RECIPE.fade_plays))
    alike: dict[int, float] = defaultdict(float)
    for item, says in weight.items():
        holding = [number for number, session in enumerate(sessions) if item in session]
        for number in holding[-RECIPE.postings_max :]:
            alike[number] += says
    for number in alike:
        alike[number] += NEWEST_FIRST / len(sessions) * number
    scores: dict[int, float] = defaultdict(float)
    for number in sorted(alike, key=lambda n: -alike[n])[: RECIPE.sessions]:
        for item in sessions[number]:
            scores[item] += alike[number]
    return scores


@pytest.mark.parametrize("recent", [[3, 2, 1], [5, 5, 4], [17]])
def test_scores_equal_the_slow_definition(recent: list[int]) -> None:
    padded = np.full((1, 6), -1, dtype=np.int32)
    padded[0, : len(recent)] = recent
    scores, counts = index_sessions(chain_log(), ITEMS, RECIPE).score(padded, RECIPE)
    expected = slow_scores(recent)
    assert dict(zip(scores.indices, scores.data, strict=True)) == pytest.approx(expected, rel=1e-5)
    assert counts.max() <= RECIPE.sessions


def test_a_session_without_known_plays_has_no_neighbours() -> None:
    scores, _ = index_sessions(chain_log(), ITEMS, RECIPE).score(np.full((1, 3), -1), RECIPE)
    assert scores.nnz == 0


def test_posting_lists_keep_the_newest_sessions() -> None:
    log = session_log([[0]] * 9)
    assert index_sessions(log, 1, RECIPE).postings[0].indices.tolist() == [4, 5, 6, 7, 8]


def test_the_largest_of_a_row_keep_the_newest_of_equals() -> None:
    matrix = sparse.csr_matrix(np.array([[1, 2, 1, 1], [0, 0, 0, 3], [0, 0, 0, 0]], np.float32))
    kept = top_per_row(matrix, 2).toarray()
    assert kept.tolist() == [[0, 2, 0, 1], [0, 0, 0, 3], [0, 0, 0, 0]]


def test_looking_up_outside_gives_zero() -> None:
    matrix = index_sessions(chain_log(), ITEMS, RECIPE).holds
    rows, columns = np.array([0, -1, 0]), np.array([-1, 0, int(matrix[0].indices[0])])
    assert look_up(matrix, rows, columns).tolist() == [0, 0, 1]
