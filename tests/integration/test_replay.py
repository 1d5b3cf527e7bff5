"""A log through a real worker on real servers: verified, and every listener has a slate."""

import asyncio
import os
from pathlib import Path

import pytest

from loadtest.footprint import footprint
from loadtest.lag import LagProbe
from loadtest.pace import FlatOut
from loadtest.producer import EventProducer
from loadtest.replay.command import ReplayOptions, run_replay
from loadtest.sending import send_all
from loadtest.trial import Flow
from loadtest.watching import watching
from models.data.timed import TimedEvent
from service.adapters.log_reader import LogReader
from service.app import open_worker, run
from service.core.errors import Unavailable
from service.core.events import EventId, Record, Started, UserId
from service.core.wire import decode
from service.ops.verify import verify
from service.ops.verify_report import as_json
from service.settings import Settings
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.integration.small_log import events_of_log, make_plays, with_catalog

PLAYS = make_plays(240)


@pytest.fixture
async def settings(kafka: KafkaForTest, valkey: ValkeyForTest, tmp_path: Path) -> Settings:
    made = with_catalog(kafka.settings(valkey.url), PLAYS, tmp_path / "catalog")
    await kafka.make_topics(made)
    return made


async def send(settings: Settings, events: list[TimedEvent]) -> None:
    topic = settings.topics.events
    async with EventProducer(settings.kafka.bootstrap, topic, in_flight_max=50) as producer:
        await send_all(events, FlatOut(), producer)
        await producer.flush()
        assert producer.acknowledged == producer.sent == len(events)


async def test_a_replayed_log_is_worked_off_verified_and_measured(settings: Settings) -> None:
    events, flow = events_of_log(PLAYS), Flow()
    users = {play.user for play in PLAYS}
    stop = asyncio.Event()
    bootstrap, slates = settings.kafka.bootstrap, settings.topics.slates
    async with (
        LagProbe.open(settings) as probe,
        watching(bootstrap, slates, flow.see),
        open_worker(settings) as worker,
    ):
        working = asyncio.create_task(run(worker, stop))
        await send(settings, events)
        said = as_json(await verify(settings, until_drained_s=30))
        assert (await probe.records(), await probe.dead_letters()) == (0, 0)
        stop.set()
        await working
    assert said["ok"], said["problems"]
    assert said["drained"]
    assert said["users"] == said["states_equal"] == len(users)
    assert said["records"] == len(events) >= 500
    assert flow.slates == said["slates"] == len(flow.stages.total)
    sizes = await footprint(settings.redis.url, os.getpid())
    assert sizes["users_in_store"] == len(users)
    assert 0 < sizes["session_bytes_per_user"] < 1536  # the aim: 1.5 KiB


async def test_the_same_log_leaves_the_same_bytes_on_the_broker(settings: Settings) -> None:
    events = events_of_log(PLAYS[:50])
    await send(settings, events)
    await send(settings, events_of_log(PLAYS[:50]))
    by_partition: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
    async with LogReader(settings.kafka.bootstrap, settings.topics.events) as reader:
        async for batch in reader.read():
            for record in batch:
                by_partition.setdefault(record.partition, []).append((record.key, record.value))
    assert sum(map(len, by_partition.values())) == 2 * len(events)
    for records in by_partition.values():
        half = len(records) // 2
        assert records[:half] == records[half:]


async def test_the_command_sends_a_file_with_cloud_events_headers_that_the_worker_reads(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.txt"
    path.write_text("1 2 3\n4 5\n")
    options = ReplayOptions(path, "nowplaying", rate=5_000, cloud_events=True)
    said: list[str] = []
    assert await run_replay(settings, options, said.append) == 5
    assert said[0].startswith("5 events of 2 users from 5 rows")
    async with LogReader(settings.kafka.bootstrap, settings.topics.events) as reader:
        records = [record async for batch in reader.read() for record in batch]
    events = [event for event in map(decode, records) if isinstance(event, Started)]
    assert sorted(event.item_id for event in events) == list("12345")
    assert {dict(record.headers)["ce_type"] for record in records} == {b"segue.playback.started"}


async def test_an_event_that_cannot_be_sent_fails_the_run(settings: Settings) -> None:
    big = TimedEvent(0, UserId("u"), EventId("e"), "started", b"x" * 20_000_000)
    with pytest.raises(Unavailable, match=r"did not take event 1 into .*MessageSizeTooLarge"):
        await send(settings, [big])


async def test_what_a_watcher_cannot_read_is_told_at_its_end(settings: Settings) -> None:
    def refuse(record: Record, received_at_ns: int) -> None:
        raise ValueError(f"nothing of {record.where} makes sense")

    async def watch_in_vain() -> None:
        async with watching(settings.kafka.bootstrap, settings.topics.events, refuse) as watch:
            await send(settings, events_of_log(PLAYS[:5]))
            await asyncio.wait({watch})

    with pytest.raises(ValueError, match="makes sense"):
        await watch_in_vain()
