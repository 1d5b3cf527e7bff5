"""The demo's listeners: a closed loop over slates."""

from collections import defaultdict

import pytest

from loadtest.demo.audience import Audience, speed_for
from loadtest.world.catalogue import World
from models.data.timed import timed
from service.core.events import (
    ContentType,
    EventId,
    ItemFact,
    ItemId,
    PlaybackEvent,
    Record,
    Started,
    UserId,
)
from service.core.slates import Model, Slate, SlateItem, Source
from service.core.wire import decode

NOW_MS = 1_700_000_000_000


def act(audience: Audience, times: int) -> list[PlaybackEvent]:
    return [audience.act(NOW_MS + n, answer_ms=100.0) for n in range(times)]


def slate(user: UserId, items: list[str], version: int) -> Slate:
    content_type: ContentType = "music"
    return Slate(
        user_id=user,
        session_id="s",
        version=version,
        source=Source(0, version - 1),
        state_digest="",
        trigger_event_id=EventId("e"),
        reason="started",
        generated_at_ms=NOW_MS,
        ttl_ms=1,
        model=Model("m", "1"),
        items=tuple(
            SlateItem(
                item_id=ItemId(item),
                content_type=content_type,
                rank=rank,
                score=0.0,
                heads={},
                source="popular",
            )
            for rank, item in enumerate(items, start=1)
        ),
    )


@pytest.fixture
def audience(small_world: World) -> Audience:
    return Audience(small_world, 3, "run")


def test_listeners_hear_the_items_of_their_slate_in_order_and_say_where_they_came_from(
    audience: Audience, small_world: World
) -> None:
    user, items = UserId("listener-00000"), list(small_world.table.ids[:3])
    audience.take_slate(slate(user, items, version=5))
    told = [e for e in act(audience, 200) if isinstance(e, Started) and e.user_id == user]
    assert [e.item_id for e in told[:3]] == items
    assert [(e.served.slate_version, e.served.slot) for e in told[:3] if e.served] == [
        (5, 0),
        (5, 1),
        (5, 2),
    ]
    assert told[3].served is None  # an empty queue: the listener chooses


def test_a_newer_slate_replaces_what_was_queued(audience: Audience, small_world: World) -> None:
    user, ids = UserId("listener-00001"), small_world.table.ids
    audience.take_slate(slate(user, [ids[0], ids[1]], version=5))
    audience.take_slate(slate(user, [ids[9]], version=6))
    first = next(e for e in act(audience, 50) if isinstance(e, Started) and e.user_id == user)
    assert (first.item_id, first.served and first.served.slate_version) == (ids[9], 6)


def test_a_slate_for_somebody_else_is_none_of_theirs(audience: Audience) -> None:
    audience.take_slate(slate(UserId("you"), ["no-such-item"], version=1))
    assert all(event.user_id != "you" for event in act(audience, 50))


def test_every_play_has_one_start_and_one_end_and_the_worker_reads_all(audience: Audience) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for event in act(audience, 600):
        told = timed(event)
        assert decode(Record(0, 0, told.at_ms, told.key, told.value)) == event
        if isinstance(event, ItemFact):
            kinds[event.event_id.partition(".")[0]].append(told.type)
    finished = [story for story in kinds.values() if story[-1] in ("skipped", "completed")]
    assert len(finished) > 100
    assert all(story[0] == "started" for story in finished)
    assert all(story.count("started") == 1 for story in finished)


def test_no_event_id_is_used_twice_and_sessions_end(audience: Audience) -> None:
    told = act(audience, 600)
    assert len({event.event_id for event in told}) == len(told)
    assert any(timed(event).type == "session_ended" for event in told)
    assert audience.heard.plays > audience.heard.skips > 0


def test_twice_the_events_or_half_the_listeners_need_twice_the_speed() -> None:
    assert speed_for(60, 50) == 2 * speed_for(30, 50) == speed_for(60, 100) * 2
