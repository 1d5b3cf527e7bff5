"""A topic of a real broker as Parquet: whole, in order, carried on, the dead apart."""

from pathlib import Path

import polars as pl
import pytest

from models.data.dump import dump_topic
from models.data.entries import Dead, Entry
from models.data.sources import read_entries
from service.adapters.record_writer import RawRecord, RecordWriter
from service.core import events as ev
from service.core.errors import Refused
from service.settings import Settings
from tests.conftest import KafkaForTest
from tests.event_makers import item_fact, record_of


def raw(number: int) -> RawRecord:
    event = item_fact(
        ev.Started, f"i{number}", user_id=f"u{number % 5}", event_id=f"e{number}", at_ms=number
    )
    record = record_of(event, number)
    return RawRecord(record.key, record.value)


@pytest.fixture
async def settings(kafka: KafkaForTest) -> Settings:
    made = kafka.settings()
    await kafka.make_topics(made)
    return made


async def send(settings: Settings, records: list[RawRecord]) -> None:
    async with RecordWriter(settings.kafka.bootstrap) as writer:
        await writer.write(settings.topics.events, records)


async def test_a_topic_is_dumped_carried_on_and_read_back_in_order(
    settings: Settings, tmp_path: Path
) -> None:
    place = (settings.kafka.bootstrap, settings.topics.events, tmp_path / "dump")
    await send(settings, [*map(raw, range(30)), RawRecord(b"u1", b"{broken")])
    first = await dump_topic(*place, chunk_rows=7)
    assert (first.events, first.dead, first.missed) == (30, 1, 0)
    await send(settings, [raw(number) for number in range(30, 40)])
    again = await dump_topic(*place)
    assert (again.events, again.dead) == (10, 0)
    found = list(read_entries([tmp_path / "dump"], "topic"))
    (dead,) = [one for one in found if isinstance(one, Dead)]
    assert (dead.kind, dead.value) == ("broken_json", b"{broken")
    events = [one.event for one in found if isinstance(one, Entry)]
    for user in range(5):
        mine = [event.event_id for event in events if event.user_id == f"u{user}"]
        assert mine == [f"e{number}" for number in range(40) if number % 5 == user]


async def test_what_was_written_after_the_last_progress_is_read_again_and_not_kept_twice(
    settings: Settings, tmp_path: Path
) -> None:
    place = (settings.kafka.bootstrap, settings.topics.events, tmp_path / "dump")
    await send(settings, [raw(number) for number in range(10)])
    await dump_topic(*place)
    stray = tmp_path / "dump" / "events-00001.parquet"
    stray.write_bytes((tmp_path / "dump" / "events-00000.parquet").read_bytes())
    assert (await dump_topic(*place)).events == 0
    assert not stray.exists()
    assert pl.read_parquet(tmp_path / "dump" / "events-*.parquet").height == 10


async def test_a_dump_of_another_topic_is_not_carried_on(
    settings: Settings, tmp_path: Path
) -> None:
    bootstrap, out = settings.kafka.bootstrap, tmp_path / "dump"
    await dump_topic(bootstrap, settings.topics.events, out)
    with pytest.raises(Refused, match="give another folder"):
        await dump_topic(bootstrap, settings.topics.slates, out)
