"""Partitions that change hands: zombies, refused commits, stale caches, doubts."""

import asyncio

import pytest

from service import loop
from service.core.errors import (
    Fenced,
    StaleWrite,
)
from service.processor import Processor
from tests.event_makers import item_fact
from tests.unit.processor.world import PARTITIONS, World, check, work_to_the_end


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
