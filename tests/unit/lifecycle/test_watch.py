"""After a batch is out: the shadow is fed, slates are counted, the guard learns who ranked what."""

import threading
from collections.abc import Sequence

from msgspec.structs import replace

from service.core.events import EventId, ItemId, UserId
from service.core.slates import Model, Outcome, OutcomeBatch, Slate, Source
from service.lifecycle.agreement import compare
from service.lifecycle.guard import Guard, Verdict
from service.lifecycle.roster import Roster
from service.lifecycle.serving import Served
from service.lifecycle.trials import TRIALS
from service.ports import Publication, Report, Trace
from service.ranking import Ranked
from tests.unit.lifecycle.rankings import Bench, ranking, scorer_of, sessions, users

REPORT = Report(
    records=0,
    users=0,
    slates={},
    dead_letters={},
    ignored={},
    answers={},
    traces=(),
    published_at_ns=0,
)
CHAMPION, CHALLENGER = Model("ranker", "1"), Model("ranker", "2", "challenger")


def slate(user: str, version: int, model: Model = CHAMPION, ranked: Ranked | None = None) -> Slate:
    return Slate(
        user_id=UserId(user),
        session_id="s",
        version=version,
        source=Source(0, version - 1),
        state_digest="",
        trigger_event_id=EventId("e"),
        reason="started",
        generated_at_ms=0,
        ttl_ms=1,
        model=ranked.model if ranked else model,
        items=ranked.items if ranked else (),
    )


def skip(user: str, version: int) -> Outcome:
    return Outcome(
        user_id=UserId(user),
        session_id="s",
        event_id=EventId("e"),
        offset=0,
        type="skipped",
        item_id=ItemId("i"),
        content_type="music",
        at_ms=0,
        slate_version=version,
        slot=0,
    )


def publication(slates: Sequence[Slate] = (), outcomes: Sequence[Outcome] = ()) -> Publication:
    return Publication(
        slates=[(one.user_id, one, Trace()) for one in slates],
        outcomes=[OutcomeBatch(partition=0, model=CHAMPION, outcomes=tuple(outcomes))],
    )


def complete(user: str, version: int) -> Outcome:
    return replace(skip(user, version), type="completed")


async def rank_and_publish(bench: Bench, count: int) -> None:
    states, names = sessions(count), users(count)
    ranked = await bench.serving.rank(states, names)
    out = [
        slate(user, state.version, ranked=one)
        for user, state, one in zip(names, states, ranked, strict=True)
    ]
    await bench.watch.after(publication(out), REPORT)


async def test_the_shadow_scores_what_is_out_and_never_what_is_not() -> None:
    bench = Bench(Roster(ranking("1")).moved("shadow", ranking("2", inverted=True)))
    with bench.serving.running(), bench.shadow.running():
        await bench.serving.rank(sessions(3)[1:], users(3)[1:])  # a batch that never goes out
        await rank_and_publish(bench, 6)
        bench.shadow.wait_until_done()
    assert bench.figure("segue_shadow_batches_total", fate="scored") == 1
    assert bench.figure("segue_shadow_overlap_count") == 6
    assert bench.figure("segue_shadow_overlap_sum") < 1
    assert bench.figure("segue_shadow_first_places_total", same="no") > 0
    assert bench.figure("segue_model_slates_total", variant="champion") == 6
    assert not bench.serving.awaiting


async def test_a_shadow_that_is_the_champion_agrees_with_it() -> None:
    bench = Bench(Roster(ranking("1")).moved("shadow", ranking("2")))
    with bench.serving.running(), bench.shadow.running():
        await rank_and_publish(bench, 6)
        bench.shadow.wait_until_done()
    assert bench.figure("segue_shadow_overlap_sum") == 6
    assert bench.figure("segue_shadow_first_places_total", same="yes") == 6
    assert bench.figure("segue_shadow_head_difference_sum") == 0


async def test_a_slow_shadow_drops_batches_and_holds_up_nobody() -> None:
    shadow = ranking("2")
    bench = Bench(Roster(ranking("1")).moved("shadow", shadow))
    gate = scorer_of(shadow).gate = threading.Event()
    with bench.serving.running(), bench.shadow.running():
        for _ in range(20):
            await rank_and_publish(bench, 1)
        dropped = bench.figure("segue_shadow_batches_total", fate="dropped")
        gate.set()
        bench.shadow.wait_until_done()
    assert dropped >= 10
    assert bench.figure("segue_shadow_batches_total", fate="scored") == 20 - dropped


async def test_a_shadow_that_raises_is_counted_and_goes_on() -> None:
    shadow = ranking("2")
    scorer_of(shadow).raises = RuntimeError("no")
    bench = Bench(Roster(ranking("1")).moved("shadow", shadow))
    with bench.serving.running(), bench.shadow.running():
        await rank_and_publish(bench, 1)
        bench.shadow.wait_until_done()
        scorer_of(shadow).raises = None
        await rank_and_publish(bench, 1)
        bench.shadow.wait_until_done()
    fates = [bench.figure("segue_shadow_batches_total", fate=fate) for fate in ("failed", "scored")]
    assert fates == [1, 1]


def test_a_full_queue_answers_at_once() -> None:
    bench = Bench(Roster(ranking()))
    served = Served((UserId("u"), 1), ranking("2"), [], [])
    offers = [bench.shadow.offer(served) for _ in range(10)]  # nobody works it off
    assert offers == [True] * 8 + [False] * 2


def test_slates_are_compared_place_by_place() -> None:
    ours, theirs = (ranking(v, inverted=v == "2").rank(sessions(1))[0] for v in "12")
    same, other = compare(ours, ours), compare(ours, theirs)
    assert same
    assert other
    assert (same.overlap, same.same_first, same.head_difference) == (1.0, True, 0.0)
    assert other.overlap < 1
    assert not other.same_first
    assert compare(ours, Ranked((), (), ours.model)) is None


async def test_skips_of_what_the_challenger_served_trip_the_guard_once() -> None:
    bench = Bench(Roster(ranking("1")).moved("challenger", ranking("2"), 0.5))
    tripped: list[Verdict] = []
    bench.watch.guard, bench.watch.on_trip = Guard(), tripped.append
    for n in range(120):
        user, model = f"u{n}", CHALLENGER if n % 2 else CHAMPION
        for version in range(TRIALS):
            await bench.watch.after(publication([slate(user, version, model)]), REPORT)
            end = skip(user, version) if model is CHALLENGER else complete(user, version)
            await bench.watch.after(publication(outcomes=[end]), REPORT)
    assert [verdict.kind for verdict in tripped] == ["skips"]
    assert not bench.watch.is_guarding
    assert bench.figure("segue_guard_trips_total", kind="skips") == 1


async def test_what_an_earlier_champion_served_is_nobody_s_trial() -> None:
    bench = Bench(Roster(ranking("1")).moved("challenger", ranking("2"), 0.5))
    bench.watch.guard = Guard()
    earlier = [
        Model("ranker", "0"),
        Model("ranker", "0", "challenger"),
        Model("f", "1", "fallback"),
    ]
    slates = [slate(f"u{n}", 1, model) for n, model in enumerate(earlier)]
    await bench.watch.after(publication(slates), REPORT)
    assert len(bench.watch.guard.trials) == 0


async def test_a_deleted_user_is_forgotten_by_the_guard() -> None:
    bench = Bench(Roster(ranking("1")).moved("challenger", ranking("2"), 0.5))
    bench.watch.guard = Guard()
    await bench.watch.after(publication([slate("u", 1)]), REPORT)
    assert len(bench.watch.guard.trials) == 1
    await bench.watch.after(Publication(slates=[(UserId("u"), None, Trace())]), REPORT)
    assert len(bench.watch.guard.trials) == 0
