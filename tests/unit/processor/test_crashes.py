"""A crash at every seam, outages, redelivery: nothing is lost, nothing counts twice."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import loop
from service.core import events as ev
from service.core.errors import (
    Unavailable,
)
from service.ports import Answer
from tests.event_makers import events, item_fact
from tests.unit.processor.world import Crash, World, check, crash_once, listen, work_to_the_end

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
