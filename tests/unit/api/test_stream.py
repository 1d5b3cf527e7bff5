"""The slate stream: resumes, never falls behind, never repeats, ends when it should."""

import json

from service.api.stream import Listener, open_stream
from tests.unit.api.harness import U1, Api, slate_json, slate_record, tombstone

STREAM = "/v1/users/u1/slate/stream"


async def test_a_new_stream_begins_with_the_current_slate(api: Api) -> None:
    api.slates.slates[U1] = slate_json(7)
    async with api.open(STREAM) as stream:
        event = await stream.next_event()
    assert (event["event"], event["id"]) == ("slate", "7")
    assert json.loads(event["data"])["slate"] == json.loads(slate_json(7))


async def test_a_resumed_stream_leaves_out_what_the_client_has(api: Api) -> None:
    api.slates.slates[U1] = slate_json(7)
    async with api.open(STREAM, last_event_id="7") as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(8))
        assert (await stream.next_event())["id"] == "8"


async def test_a_resumed_stream_begins_with_what_was_missed(api: Api) -> None:
    api.slates.slates[U1] = slate_json(9)
    async with api.open(STREAM, last_event_id="7") as stream:
        assert (await stream.next_event())["id"] == "9"


async def test_a_last_event_id_that_is_no_version_counts_as_none(api: Api) -> None:
    api.slates.slates[U1] = slate_json(7)
    async with api.open(STREAM, last_event_id="seven") as stream:
        assert (await stream.next_event())["id"] == "7"


async def test_a_slate_published_before_the_cache_was_written_is_not_missed(api: Api) -> None:
    api.slates.slates[U1] = slate_json(7)
    api.deps.hub.receive(slate_record(8))
    async with api.open(STREAM) as stream:
        assert (await stream.next_event())["id"] == "8"


async def test_older_and_repeated_slates_are_not_sent(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(5))
        assert (await stream.next_event())["id"] == "5"
        api.feed.push(slate_record(5), slate_record(4), slate_record(6))
        assert (await stream.next_event())["id"] == "6"


async def test_a_slow_reader_gets_the_newest_slate_and_nothing_in_between(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(1))
        assert (await stream.next_event())["id"] == "1"
        for version in range(2, 1_000):
            api.deps.hub.receive(slate_record(version))
        seen = [int((await stream.next_event())["id"]) for _ in range(1)]
        while seen[-1] != 999:
            seen.append(int((await stream.next_event())["id"]))
    assert len(seen) <= 3
    assert api.deps.hub.superseded_count >= 990


async def test_another_users_slate_is_not_sent(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(50, user_id="u2"), slate_record(3))
        assert (await stream.next_event())["id"] == "3"


async def test_a_deletion_is_said(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(5))
        await stream.next_event()
        api.feed.push(tombstone(headers=(("segue.version", b"9"),)))
        event = await stream.next_event()
    assert (event["event"], event["id"]) == ("deleted", "9")


async def test_a_slate_from_before_the_deletion_does_not_come_back(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.feed.push(slate_record(5), tombstone())
        event = await stream.next_event()
        assert event["event"] == "deleted"
        api.feed.push(slate_record(5), slate_record(8))
        assert (await stream.next_event())["id"] == "8"


async def test_silence_is_filled_with_comments(api: Api) -> None:
    listener = Listener(U1, heartbeat_s=0.001)
    stream = await open_stream(api.deps.hub, api.slates, listener)
    opening = [await anext(stream) for _ in range(3)]
    assert opening == [b": segue\nretry: 1000\n\n", b": ping\n\n", b": ping\n\n"]


async def test_cards_lie_beside_the_slate_only_when_asked_for(api: Api) -> None:
    api.slates.slates[U1] = slate_json(7)
    async with api.open(f"{STREAM}?expand=items") as stream:
        data = json.loads((await stream.next_event())["data"])
    assert data["slate"] == json.loads(slate_json(7))
    assert {card["title"] for card in data["cards"].values()} == {"Paper Lanterns", "New Paper"}


async def test_the_hops_of_an_event_go_along(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        stamps = (("segue.sent_at_ns", b"12"), ("segue.stored_at_ns", b"x"))
        api.feed.push(slate_record(5, headers=stamps))
        trace = json.loads((await stream.next_event())["data"])["trace"]
    assert trace["sent_at_ns"] == 12
    assert trace["published_at_ms"] == 1_000
    assert trace["received_at_ns"] == api.clock.at_ns
    assert "stored_at_ns" not in trace


async def test_a_reader_that_leaves_is_forgotten(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        assert api.deps.hub.stream_count == 1
    assert api.deps.hub.stream_count == 0


async def test_streams_end_when_the_service_stops(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        api.deps.hub.close()
        assert await stream.ended()


async def test_a_stream_without_its_cache_is_refused_before_it_begins(api: Api) -> None:
    api.slates.is_down = True
    async with api.open(STREAM) as stream:
        assert stream.status == 503
    assert api.deps.hub.stream_count == 0


async def test_a_record_that_is_no_slate_is_counted_and_hurts_nobody(api: Api) -> None:
    async with api.open(STREAM) as stream:
        await stream.next_chunk()
        broken = slate_record(4)
        api.feed.push(type(broken)(0, 4, 0, b"u1", b"{nonsense"), slate_record(5))
        assert (await stream.next_event())["id"] == "5"
    assert api.deps.hub.unreadable_count == 1
