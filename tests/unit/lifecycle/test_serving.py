"""Ranking with a roster: whatever a model does, everybody gets a slate, and only one model's."""

import asyncio
import threading

from service.lifecycle.fallback import FALLBACK
from service.lifecycle.roster import Roster
from tests.unit.lifecycle.rankings import Bench, ranking, scorer_of, sessions, users

COUNT = 24


async def test_each_slate_is_that_of_the_model_which_its_user_has() -> None:
    roster = Roster(ranking("1")).moved("challenger", ranking("2", inverted=True), 0.5)
    serving = Bench(roster).serving
    states, names = sessions(COUNT), users(COUNT)
    with serving.running():
        slates = await serving.rank(states, names)
    ours, theirs = roster.split(names)
    assert ours
    assert theirs
    champions = roster.champion.rank(states)
    assert roster.challenger
    challengers = roster.challenger.ranking.rank(states)
    for place in ours:
        assert slates[place] == champions[place]
    for place in theirs:
        assert slates[place].items == challengers[place].items != champions[place].items
        assert (slates[place].model.version, slates[place].model.variant) == ("2", "challenger")


async def test_a_swap_during_a_batch_is_for_the_next_batch() -> None:
    old, new = ranking("1"), ranking("2")
    serving = Bench(Roster(old)).serving
    gate = scorer_of(old).gate = threading.Event()
    with serving.running():
        batch = asyncio.create_task(serving.rank(sessions(8), users(8)))
        await asyncio.sleep(0)
        serving.roster = serving.roster.moved("champion", new)
        gate.set()
        during = await batch
        after = await serving.rank(sessions(8), users(8))
    assert {slate.model.version for slate in during} == {"1"}
    assert {slate.model.version for slate in after} == {"2"}


async def test_a_champion_that_raises_leaves_its_users_to_the_fallback() -> None:
    bench = Bench(Roster(ranking()))
    scorer_of(bench.roster.champion).raises = RuntimeError("node Gemm_3 failed")
    with bench.serving.running():
        slates = await bench.serving.rank(sessions(4), users(4))
    assert all(slate.items and slate.degraded == (FALLBACK,) for slate in slates)
    assert {slate.model.variant for slate in slates} == {"fallback"}
    kind = {"variant": "champion", "kind": "RuntimeError"}
    assert bench.figure("segue_ranker_failures_total", **kind) == 1


async def test_a_champion_that_is_late_is_not_waited_for_and_comes_back() -> None:
    bench = Bench(Roster(ranking()), deadline_s=0.01)
    gate = scorer_of(bench.roster.champion).gate = threading.Event()
    with bench.serving.running():
        late = await bench.serving.rank(sessions(2), users(2))
        busy = await bench.serving.rank(sessions(2), users(2))
        gate.set()
        for kind in ("late", "busy"):
            failed = {"variant": "champion", "kind": kind}
            assert bench.figure("segue_ranker_failures_total", **failed) == 1
        bench.serving._lanes["champion"]._deadline_s = 30.0
        assert bench.serving._lanes["champion"]._late
        await bench.serving._lanes["champion"]._late
        again = await bench.serving.rank(sessions(2), users(2))
    assert [slate.degraded for slate in (*late, *busy)] == [(FALLBACK,)] * 4
    assert [slate.degraded for slate in again] == [()] * 2


async def test_a_challenger_that_raises_leaves_its_users_to_the_champion() -> None:
    roster = Roster(ranking("1")).moved("challenger", ranking("2"), 1.0)
    assert roster.challenger
    scorer_of(roster.challenger.ranking).raises = ValueError("no")
    serving = Bench(roster).serving
    with serving.running():
        slates = await serving.rank(sessions(4), users(4))
    assert slates == roster.champion.rank(sessions(4))


async def test_a_model_whose_scores_are_no_numbers_costs_nobody_the_slate() -> None:
    bench = Bench(Roster(ranking(broken=True)))
    with bench.serving.running():
        slates = await bench.serving.rank(sessions(4), users(4))
    assert all(slate.items and slate.degraded == (FALLBACK,) for slate in slates)
    assert bench.figure("segue_ranker_unsound_total", variant="champion") > 0


async def test_nobody_to_rank_for_is_no_work() -> None:
    serving = Bench(Roster(ranking())).serving
    with serving.running():
        assert await serving.rank([], []) == []
    assert not serving.recent
