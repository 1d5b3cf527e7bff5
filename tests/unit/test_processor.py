"""The loop on twins: crashes at every seam, outages, redelivery, records nobody can read.

The oracle folds the log once, in order, without any of the loop's machinery.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import loop
from service.adapters.memory import (
    MemoryLog,
    MemoryPublisher,
    MemorySideEffects,
    MemoryStore,
    StepClock,
)
from service.core import events as ev
from service.core.codec import decode_stored, digest
from service.core.errors import (
    Fenced,
    PoisonKind,
    PoisonRecord,
    Refused,
    StaleWrite,
    Unavailable,
)
from service.core.session import EMPTY, Effect, SessionState, fold, is_quiet
from service.core.slates import DeadLetter, Model, Slate
from service.core.wire import decode
from service.ports import Answer
from service.processor import Limits, Outside, Processor
from service.ranking import Ranked
from tests.event_makers import T0_MS, events, item_fact

PARTITIONS = 2
SEAMS = [
    ("log", "poll", "before"),
    ("store", "claim", "before"),
    ("store", "get_many", "before"),
    ("store", "put_many", "before"),
    ("store", "put_many", "after"),
    ("publisher", "publish", "before"),
    ("publisher", "publish", "after"),
    ("log", "commit", "before"),
    ("log", "commit", "after"),
]


class Crash(Exception):
    """The process is gone, with all it held in memory."""


async def rank(states: Sequence[SessionState]) -> list[Ranked]:
    """The loop does not care what is in a slate."""
    return [Ranked((), ("no_candidates",)) for _ in states]


@dataclass
class World:
    """The outside of a worker, in memory, which outlives the worker."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(PARTITIONS, batch_records_max=7))
    store: MemoryStore = field(default_factory=MemoryStore)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    side_effects: MemorySideEffects = field(default_factory=MemorySideEffects)
    clock: StepClock = field(default_factory=StepClock)

    def fail(self, port: str, hook: Callable[[str, str], None]) -> None:
        getattr(self, port)._fail = hook

    def worker(self, commit_interval_ms: int = 2) -> Processor:
        outside = Outside(
            log=self.log,
            store=self.store,
            publisher=self.publisher,
            side_effects=self.side_effects,
            clock=self.clock,
            rank=rank,
            model=lambda: Model("none", "0"),
        )
        return Processor(outside, Limits(commit_interval_ms=commit_interval_ms))

    def send(self, event: ev.PlaybackEvent, partition: int | None = None) -> ev.Record:
        home = sum(event.user_id.encode()) % PARTITIONS if partition is None else partition
        broker_ms = max(T0_MS, event.at_ms - 60_000)  # a client's clock may be ahead, by a minute
        return self.log.append(home, event.user_id.encode(), msgspec.json.encode(event), broker_ms)

    @property
    def slates(self) -> list[tuple[str, Slate | None]]:
        return [(u, s) for p in self.publisher.publications for u, s, _ in p.slates]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [letter for p in self.publisher.publications for letter in p.dead_letters]


async def work_to_the_end(world: World) -> None:
    """Run workers until the log is read and committed; a crashed one is replaced by a fresh one."""
    for _ in range(200):
        worker = world.worker()
        try:
            while not world.log.is_read:
                await worker.step()
            await worker.drain()
            return
        except Crash:
            world.log.reassign()
    raise AssertionError("200 crashes")


def states_by_offset(world: World) -> dict[str, dict[int, SessionState]]:
    """The oracle: each user's state after each of their records, folded one by one."""
    states: dict[str, dict[int, SessionState]] = {}
    for record in (record for log in world.log.partitions for record in log):
        with suppress(PoisonRecord):
            event = decode(record)
            history = states.setdefault(event.user_id, {-1: EMPTY})
            before = list(history.values())[-1]
            history[record.offset], _ = fold(before, event, record)
    return states


def check(world: World) -> None:
    """State equals the fold; slates say what the fold says; nobody's last word stays unanswered."""
    states = states_by_offset(world)
    for user, history in states.items():
        last = max(history)
        stored = decode_stored(world.store.values[ev.UserId(user)])
        assert stored.fence.offset == last
        assert stored.state == history[last]
        check_slates(world, user, history)
    for partition, log in enumerate(world.log.partitions):
        assert world.log.committed.get(partition, 0) == len(log)


def check_slates(world: World, user: str, history: dict[int, SessionState]) -> None:
    mine = [slate for u, slate in world.slates if u == user]
    first_seen = list(dict.fromkeys(slate.version for slate in mine if slate))
    assert first_seen == sorted(first_seen), "a version came out after a higher one"
    for slate in mine:
        if slate is not None:
            at = history[slate.source.offset]
            assert (slate.version, slate.state_digest) == (at.version, digest(at))
    loud = [o for o in changed(history) if not quiet_at(world, user, o)]
    if loud:
        answered = max((s.source.offset for s in mine if s), default=-1)
        assert answered >= loud[-1] or mine[-1] is None


def changed(history: dict[int, SessionState]) -> list[int]:
    return [now for before, now in pairwise(history) if history[now] is not history[before]]


def quiet_at(world: World, user: str, offset: int) -> bool:
    record = world.log.partitions[sum(user.encode()) % PARTITIONS][offset]
    return is_quiet(decode(record))


def listen(world: World, users: int = 3, plays: int = 6) -> None:
    """Users who play, skip and like."""
    for n in range(plays):
        for u in range(users):
            about: dict[str, Any] = {"user_id": f"u{u}", "item": f"i{n}", "at_ms": T0_MS + n}
            world.send(item_fact(ev.Started, event_id=f"s{u}-{n}", **about))
            kind = (ev.Skipped, ev.Completed, ev.Progressed)[(u + n) % 3]
            world.send(item_fact(kind, event_id=f"e{u}-{n}", position_ms=9_000, **about))


@pytest.mark.parametrize(("port", "method", "when"), SEAMS)
@pytest.mark.parametrize("at_call", [1, 2, 4])
async def test_a_crash_loses_no_event_and_counts_none_twice(
    port: str, method: str, when: str, at_call: int
) -> None:
    world = World()
    listen(world)
    calls = 0

    def crash(called: str, moment: str) -> None:
        nonlocal calls
        if (called, moment) == (method, when):
            calls += 1
            if calls == at_call:
                raise Crash

    world.fail(port, crash)
    await work_to_the_end(world)
    check(world)


@pytest.mark.parametrize(("port", "method", "when"), SEAMS)
async def test_an_outage_delays_and_loses_nothing(port: str, method: str, when: str) -> None:
    world = World()
    listen(world)
    down = 3

    def outage(called: str, moment: str) -> None:
        nonlocal down
        if (called, moment) == (method, when) and down:
            down -= 1
            raise Unavailable("the other side is away")

    world.fail(port, outage)
    stop = asyncio.Event()

    def stop_when_read() -> None:
        if world.log.is_read:
            stop.set()

    await loop.run(world.worker(), world.log, stop, on_step=stop_when_read, backoff_ms=[0] * 5)
    check(world)


async def test_an_outage_longer_than_all_attempts_ends_the_worker() -> None:
    world = World()
    listen(world)

    def outage(called: str, moment: str) -> None:
        raise Unavailable("the other side is away")

    world.fail("store", outage)
    with pytest.raises(Unavailable, match="away"):
        await loop.run(world.worker(), world.log, asyncio.Event(), backoff_ms=[0, 0])
    assert world.log.committed == {}


async def test_a_slate_is_published_again_when_nobody_knows_whether_it_was() -> None:
    world = World()
    world.send(item_fact(ev.Skipped, event_id="e1"))
    world.fail("publisher", crash_once("publish", "before"))
    await work_to_the_end(world)
    assert [slate.version for _, slate in world.slates if slate] == [1]


async def test_a_repeated_slate_has_the_same_version_and_digest() -> None:
    world = World()
    world.send(item_fact(ev.Skipped, event_id="e1"))
    world.fail("publisher", crash_once("publish", "after"))
    await work_to_the_end(world)
    first, second = (slate for _, slate in world.slates if slate)
    assert (first.version, first.state_digest) == (second.version, second.state_digest)


def crash_once(method: str, when: str) -> Callable[[str, str], None]:
    armed = True

    def hook(called: str, moment: str) -> None:
        nonlocal armed
        if armed and (called, moment) == (method, when):
            armed = False
            raise Crash

    return hook


async def owner_that_lost_its_partition(world: World) -> Processor:
    """A worker that still believes in its partition, after another one has worked there."""
    world.send(item_fact(event_id="e1"))
    zombie = world.worker(commit_interval_ms=10**9)
    await zombie.step()
    world.log.reassign()
    world.send(item_fact(event_id="e2", item="i2"))
    await work_to_the_end(world)
    world.log.generation = 0  # the zombie has not heard of the rebalance
    world.send(item_fact(event_id="e3", item="i3"))
    return zombie


async def test_an_owner_that_lost_the_partition_is_fenced_and_changes_nothing() -> None:
    world = World()
    zombie = await owner_that_lost_its_partition(world)
    before = dict(world.store.values)
    with pytest.raises(Fenced, match="younger owner"):
        await zombie.step()
    assert world.store.values == before


async def test_a_fenced_worker_claims_anew_and_goes_on() -> None:
    world = World()
    zombie = await owner_that_lost_its_partition(world)
    stop = asyncio.Event()

    def stop_when_read() -> None:
        if world.log.is_read:
            stop.set()

    await loop.run(zombie, world.log, stop, on_step=stop_when_read, backoff_ms=[0])
    check(world)


async def test_a_stale_cache_cannot_overwrite_what_another_worker_folded() -> None:
    world = World()
    zombie = await owner_that_lost_its_partition(world)
    zombie._epochs[sum(b"u1") % PARTITIONS] = 99  # fenced by nobody: the offsets alone must hold
    before = dict(world.store.values)
    with pytest.raises(StaleWrite, match="not at offset 0 any more"):
        await zombie.step()
    assert world.store.values == before


async def test_a_worker_that_gets_a_partition_back_reads_its_states_again() -> None:
    world = World()
    worker = await owner_that_lost_its_partition(world)
    world.log.generation = 2
    await worker.step()
    await worker.drain()
    check(world)


async def test_a_worker_whose_commit_is_refused_believes_nothing_any_more() -> None:
    world = World()
    world.log.refuses_commits = True
    world.send(item_fact(event_id="e1"))
    worker = world.worker(commit_interval_ms=0)
    await worker.step()
    with pytest.raises(StaleWrite, match="another owner"):
        await worker.step()
    assert world.log.committed == {}


async def test_what_is_finished_is_committed_even_when_nothing_more_comes() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    worker = world.worker(commit_interval_ms=20)
    worker._delivery._committed_at_ns = world.clock.now_ns()
    for _ in range(30):  # the clock moves a millisecond each time it is read
        await worker.step()
    assert sum(world.log.committed.values()) == 1


async def test_after_a_doubt_nothing_from_before_is_committed() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    worker = world.worker(commit_interval_ms=10**9)
    worker._delivery._committed_at_ns = world.clock.now_ns()
    await worker.step()
    await worker.step()
    worker.doubt()
    await worker.drain()
    assert world.log.committed == {}


async def test_a_record_nobody_can_read_does_not_hold_up_its_neighbours() -> None:
    world = World()
    world.send(item_fact(event_id="e1", user_id="u0"))
    bad = world.log.append(0, b"u0", b"{not json", T0_MS)
    world.send(item_fact(event_id="e2", user_id="u0", item="i2"))
    await work_to_the_end(world)
    (letter,) = world.dead_letters
    assert (letter.partition, letter.offset, letter.kind) == (0, bad.offset, PoisonKind.BROKEN_JSON)
    assert letter.value == b"{not json"
    stored = decode_stored(world.store.values[ev.UserId("u0")])
    assert [play.item_id for play in stored.state.ring] == ["i1", "i2"]


async def test_events_of_a_user_on_a_second_partition_are_dead_lettered_as_misrouted() -> None:
    world = World()
    world.send(item_fact(event_id="e1"), partition=0)
    await work_to_the_end(world)
    world.send(item_fact(event_id="e2", item="i2"), partition=1)
    await work_to_the_end(world)
    (letter,) = world.dead_letters
    assert letter.kind == PoisonKind.MISROUTED
    stored = decode_stored(world.store.values[ev.UserId("u1")])
    assert stored.fence.partition == 0
    assert len(stored.state.ring) == 1


async def test_a_duplicate_is_counted_and_gets_no_slate_of_its_own() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    await work_to_the_end(world)
    world.send(item_fact(event_id="e1"))
    await work_to_the_end(world)
    assert len(world.slates) == 1
    assert world.side_effects.reports[-1].ignored == {Effect.DUPLICATE: 1}


async def test_a_deleted_user_leaves_a_tombstone_and_no_slate() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    world.send(ev.UserDeleted(event_id=ev.EventId("e2"), user_id=ev.UserId("u1"), at_ms=T0_MS))
    await work_to_the_end(world)
    assert world.slates[-1] == ("u1", None)
    state = decode_stored(world.store.values[ev.UserId("u1")]).state
    assert state.is_deleted
    assert not state.ring


async def test_a_state_of_another_topic_is_refused_not_overwritten() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    await work_to_the_end(world)
    world.log = MemoryLog(PARTITIONS)
    world.log.lineage = b"memory:2"
    world.send(item_fact(event_id="e2"))
    with pytest.raises(Refused, match=r"another playback\.events\.v1"):
        await world.worker().step()


async def test_offsets_are_committed_only_after_their_slates_are_out() -> None:
    world = World()
    listen(world)
    seen: list[tuple[int, int]] = []

    def note(called: str, moment: str) -> None:
        if called == "commit" and moment == "after":
            published = sum(len(p.outcomes) for p in world.publisher.publications)
            seen.append((sum(world.log.committed.values()), published))

    world.fail("log", note)
    await work_to_the_end(world)
    assert seen
    assert all(published > 0 for committed, published in seen if committed)


async def test_the_store_answers_dup_when_a_write_is_repeated() -> None:
    world = World()
    world.send(item_fact(event_id="e1"))
    world.fail("store", crash_once("put_many", "after"))
    await work_to_the_end(world)
    check(world)
    assert Answer.OK not in world.side_effects.reports[-1].answers


@given(
    log=st.lists(events(("u0", "u1", "u2")), max_size=30),
    crashes=st.lists(st.integers(1, 40), max_size=6),
)
async def test_any_log_with_any_crashes_ends_in_the_same_states(
    log: list[ev.PlaybackEvent], crashes: list[int]
) -> None:
    world = World()
    for event in log:
        world.send(event)
    calls, due = 0, sorted(crashes)

    def crash(called: str, moment: str) -> None:
        nonlocal calls
        calls += 1
        if due and calls >= due[0]:
            due.pop(0)
            raise Crash

    for port in ("log", "store", "publisher"):
        world.fail(port, crash)
    await work_to_the_end(world)
    check(world)
