"""Metrics against cases worked out by hand."""

import numpy as np
import pytest
from scipy import sparse

from models.sessions.baselines import Popular, sparse_ranks
from models.sessions.metrics import UNREACHED, intervals, summary
from models.sessions.queries import Queries


def test_metrics_equal_those_worked_out_by_hand() -> None:
    found = summary(np.array([1, 4, 15, 30, UNREACHED]))
    assert found["hr@10"] == pytest.approx(2 / 5)
    assert found["hr@20"] == pytest.approx(3 / 5)
    assert found["mrr@10"] == pytest.approx((1 + 1 / 4) / 5)
    assert found["mrr@20"] == pytest.approx((1 + 1 / 4 + 1 / 15) / 5)
    assert found["ndcg@20"] == pytest.approx((1 + 1 / np.log2(5) + 1 / np.log2(16)) / 5)


def test_no_predictions_have_no_metrics() -> None:
    assert summary(np.empty(0, np.int64)) == {}


def test_items_with_the_same_score_stand_before_the_target() -> None:
    scores = sparse.csr_matrix(np.array([[0.5, 0.9, 0.5, 0.5], [0.1, 0, 0, 0]], np.float32))
    ranks = sparse_ranks(scores, np.array([0, 3], np.int32))
    assert ranks.tolist() == [4, UNREACHED]  # three ties and a better one; no score at all


def test_an_unknown_target_is_never_reached() -> None:
    scores = sparse.csr_matrix(np.ones((1, 4), np.float32))
    assert sparse_ranks(scores, np.array([-1], np.int32)).tolist() == [UNREACHED]


def test_popularity_counts_ties_against_the_target() -> None:
    none = np.zeros(4, np.int32)
    queries = Queries(
        recent=none[:, None],
        current=none[:, None] > 0,
        end=none[:, None].astype(np.int8),
        length=none,
        direction=np.zeros((4, 1), np.float32),
        target=np.array([0, 1, 3, -1], np.int32),
        session=none,
        user=none,
        place=none,
    )
    ranks = Popular(np.array([5, 2, 2, 0])).ranks(queries)
    assert ranks.tolist() == [1, 3, UNREACHED, UNREACHED]


def test_the_interval_holds_the_mean_and_narrows_with_sessions() -> None:
    draws = np.random.default_rng(0)
    ranks = np.where(draws.random(4000) < 0.3, 5, UNREACHED)
    many, few = np.arange(4000), np.arange(4000) // 400
    low, high = intervals(ranks, many.astype(np.int32), seed=0)["hr@20"]
    assert low < (ranks == 5).mean() < high
    wide = intervals(ranks, few.astype(np.int32), seed=0)["hr@20"]
    assert high - low < 0.06
    assert wide[0] < wide[1]
