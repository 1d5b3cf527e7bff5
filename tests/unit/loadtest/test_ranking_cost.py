"""The cost of ranking by sessions is measured on a log of the shape that it says it has."""

import numpy as np
import pytest

from loadtest.ranking_cost import World, lines, measure, some_sessions, synthetic

WORLD = World(items=2_000, sessions=1_500, dim=16, topics=20)


def test_a_synthetic_log_is_of_topics_and_of_hits() -> None:
    log = WORLD.log()
    plays = np.sort(np.bincount(log.items, minlength=WORLD.items))[::-1]
    assert log.items.max() < WORLD.items
    assert plays[: WORLD.items // 100].sum() > 0.1 * plays.sum()
    topics = [np.bincount(items % WORLD.topics).max() / len(items) for items in log.arrays()[:200]]
    assert np.mean(topics) > 0.6
    assert log.lengths.mean() == pytest.approx(12, rel=0.1)


def test_vectors_of_a_topic_are_near_each_other() -> None:
    vectors = WORLD.vectors()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    same, other = vectors[0] @ vectors[WORLD.topics], vectors[0] @ vectors[1]
    assert same > other


@pytest.mark.slow
@pytest.mark.timeout(300)  # loops are compiled where no cache of them is
def test_a_report_has_each_stage_and_searching_more_finds_more() -> None:
    subject = synthetic(WORLD)
    recent, current = some_sessions(subject.index, np.random.default_rng(1), 30)
    assert ((recent >= 0) | ~current).all()
    assert (current[:, 0]).all()
    report = measure(subject, rounds=10)
    for size in ("8", "16"):
        cost = report["us_per_user"][size]["retrieval"]
        assert 0 < cost["p50"] <= cost["p90"] <= cost["p99"]
    recall = list(report["recall"].values())
    assert recall == sorted(recall)
    assert recall[-1] == 1  # more clusters asked for than there are
    assert len(lines(report)) == 5
