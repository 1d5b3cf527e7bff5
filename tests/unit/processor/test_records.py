"""Records nobody can read, misrouted ones, duplicates, deletions, foreign states."""

import pytest

from service.adapters.memory import (
    MemoryLog,
)
from service.core import events as ev
from service.core.codec import decode_stored
from service.core.errors import (
    PoisonKind,
    Refused,
)
from service.core.session import Effect
from tests.event_makers import T0_MS, item_fact
from tests.unit.processor.world import PARTITIONS, World, work_to_the_end


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
