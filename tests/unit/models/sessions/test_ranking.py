"""Candidates, features, ranker and the whole recommender on a log with a rule in it."""

from dataclasses import replace

import numpy as np
import pytest

from models.sessions.metrics import UNREACHED, summary
from models.sessions.queries import every_prefix
from models.sessions.ranker_examples import RankerExamples, find
from models.sessions.read import session_log
from models.sessions.recall import in_turn, place_of
from models.sessions.recommender import SessionRecommender, fit_recommender, union_ranks
from models.sessions.timing import Timing
from service.core.retrieval import EVIDENCE_FEATURES
from tests.unit.models.sessions.samples import ITEMS, MUSIC, QUICK, chain_log


@pytest.fixture(scope="module")
def trained() -> SessionRecommender:
    return fit_recommender(chain_log(600), MUSIC, QUICK, seed=0, timing=Timing())


def test_the_recommender_finds_the_rule(trained: SessionRecommender) -> None:
    queries = every_prefix(chain_log(60, seed=5), trained.bases.encoder)
    ranks = trained.ranks(queries)
    assert summary(ranks)["mrr@20"] > 0.55
    assert (ranks >= 1).all()


def test_features_are_finite_for_any_prefix(trained: SessionRecommender) -> None:
    strange = session_log([[-1, 3], [-1, -1, 4], [7] * 40, [0, 1]])
    queries = every_prefix(strange, trained.bases.encoder)
    for found in find(trained.bases, queries, QUICK):
        assert found.features.shape == (len(found.union.items), len(EVIDENCE_FEATURES))
        assert np.isfinite(found.features).all()
    assert len(trained.ranks(queries)) == len(queries)


def test_features_do_not_depend_on_the_queries_beside(trained: SessionRecommender) -> None:
    queries = every_prefix(chain_log(20, seed=6), trained.bases.encoder)
    together = next(find(trained.bases, queries, QUICK))
    alone = next(find(trained.bases, queries.take(np.array([4])), QUICK))
    begin, end = together.union.starts[4:6]
    assert (together.union.items[begin:end] == alone.union.items).all()
    assert together.features[begin:end].tobytes() == alone.features.tobytes()


def test_candidates_are_distinct_and_sorted_by_owner(trained: SessionRecommender) -> None:
    queries = every_prefix(chain_log(20, seed=7), trained.bases.encoder)
    union = next(find(trained.bases, queries, QUICK)).union
    assert (np.diff(union.owner) >= 0).all()
    assert len(np.unique(union.owner.astype(np.int64) * ITEMS + union.items)) == len(union.items)


def test_the_head_is_a_probability(trained: SessionRecommender) -> None:
    queries = every_prefix(chain_log(200, seed=11), trained.bases.encoder)
    likely, came = [], 0
    for found in find(trained.bases, queries, QUICK):
        likely.append(trained.scores(found))
        came += int((found.target_at >= 0).sum())
    assert np.concatenate(likely).sum() == pytest.approx(came, rel=0.15)


def test_queries_whose_target_nobody_proposed_are_kept_and_not_learned_from(
    trained: SessionRecommender,
) -> None:
    queries = every_prefix(chain_log(40, seed=12, surprise=0.9), trained.bases.encoder)
    examples = RankerExamples.collect(find(trained.bases, queries, QUICK))
    assert len(examples) == len(queries)
    assert (examples.target_at < 0).any()
    assert examples.labels.sum() == (examples.target_at >= 0).sum()
    some = examples.pick(np.array([3, 1]))
    assert (
        some.features[: some.starts[1]] == examples.features[slice(*examples.starts[3:5])]
    ).all()


def test_a_tie_counts_against_the_target_and_an_absent_one_is_unreached(
    trained: SessionRecommender,
) -> None:
    queries = every_prefix(chain_log(5, seed=8), trained.bases.encoder).take(slice(0, 2))
    found = next(find(trained.bases, queries, QUICK))
    found = replace(found, target_at=np.array([0, -1]))
    ranks = union_ranks(np.zeros(len(found.union.items), np.float32), found)
    assert ranks.tolist() == [int(found.union.starts[1]), UNREACHED]


def test_proposals_are_taken_in_turn_each_once() -> None:
    proposed = {"a": np.array([[1, 2, -1]]), "b": np.array([[2, 3, 4]])}
    woven = in_turn({name: part.astype(np.int32) for name, part in proposed.items()})
    assert woven[0, :4].tolist() == [1, 2, 3, 4]
    assert place_of(woven, np.array([3], np.int32)).tolist() == [2]
    assert place_of(woven, np.array([-1], np.int32)).tolist() == [6]
