"""What every event log does: in memory, and on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import pytest
from aiokafka import AIOKafkaProducer

from service.adapters.kafka import KafkaEventLog, lineage_of
from service.adapters.memory import MemoryLog
from service.core.errors import Refused, Unavailable
from service.core.events import Record
from service.ports import EventLog
from service.settings import KafkaSettings, Settings
from tests.conftest import KafkaForTest
from tests.event_makers import T0_MS

PATIENCE_S = 40.0
PARTITIONS = 4


class Topic(Protocol):
    """A topic under test: records go in, one worker at a time reads them."""

    async def append(self, partition: int, *values: bytes) -> None:
        """Add records at the end of a partition."""

    async def open(self) -> EventLog:
        """Start a worker's log; the one before it is closed first."""
        ...

    async def close(self) -> None:
        """Close what is open."""


class MemoryTopic:
    """The twin outlives its readers."""

    def __init__(self) -> None:
        self._log = MemoryLog(PARTITIONS, batch_records_max=5)

    async def append(self, partition: int, *values: bytes) -> None:
        for value in values:
            self._log.append(partition, b"u1", value, T0_MS)

    async def open(self) -> EventLog:
        self._log.reassign()
        return self._log

    async def close(self) -> None:
        pass


class KafkaTopic:
    """A topic of this test alone."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._log: KafkaEventLog | None = None

    async def append(self, partition: int, *values: bytes) -> None:
        for value in values:
            await self._producer.send_and_wait(
                self._settings.topics.events, value, key=b"u1", partition=partition
            )

    async def open(self) -> KafkaEventLog:
        await self.close()
        self._log = KafkaEventLog(self._settings.kafka, self._settings.topics.events)
        return await self._log.start()

    async def close(self) -> None:
        if self._log:
            await self._log.stop()


def small_batches(kafka: KafkaForTest, **changes: Any) -> Settings:
    """This test's settings, with batches so small that a read takes several."""
    settings = kafka.settings()
    few = {"batch_records_max": 5, "partitions": PARTITIONS} | changes
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=few)})


@asynccontextmanager
async def kafka_topic(kafka: KafkaForTest) -> AsyncIterator[KafkaTopic]:
    settings = small_batches(kafka)
    await kafka.make_topics(settings)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        topic = KafkaTopic(settings, producer)
        yield topic
        await topic.close()


@pytest.fixture(params=["memory", "kafka"])
def place(request: pytest.FixtureRequest) -> KafkaForTest | None:
    """The broker, and None for the twin."""
    if request.param == "memory":
        return None
    kafka: KafkaForTest = request.getfixturevalue("kafka")
    return kafka


@pytest.fixture
async def topic(place: KafkaForTest | None) -> AsyncIterator[Topic]:
    """An empty topic of each kind."""
    if place is None:
        yield MemoryTopic()
        return
    async with kafka_topic(place) as topic:
        yield topic


async def read(log: EventLog, count: int) -> list[Record]:
    """Poll until so many records came; more than that in the last batch is an error."""
    records: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(records) < count:
            batch = await log.poll()
            assert len(batch.records) <= 5
            records += batch.records
    assert len(records) == count
    return records


def by_partition(records: Sequence[Record]) -> dict[int, list[bytes]]:
    """Values by partition, after checking that offsets grow without a gap."""
    values: dict[int, list[bytes]] = {}
    for partition in sorted({record.partition for record in records}):
        mine = [record for record in records if record.partition == partition]
        first = mine[0].offset
        assert [record.offset for record in mine] == list(range(first, first + len(mine)))
        values[partition] = [record.value or b"" for record in mine]
    return values


THREE = (b"a", b"b", b"c")


async def test_records_come_in_the_order_of_their_partition(topic: Topic) -> None:
    values = [b"%d" % n for n in range(12)]
    log = await topic.open()
    await topic.append(0, *values[:6])
    await topic.append(1, *THREE)
    await topic.append(0, *values[6:])
    assert by_partition(await read(log, 15)) == {0: values, 1: [*THREE]}


async def test_a_poll_of_nothing_is_an_empty_batch(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(2, b"a")
    await read(log, 1)
    assert (await log.poll()).records == ()


async def test_a_reopened_log_goes_on_after_what_was_committed(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await topic.append(3, *THREE)
    await read(log, 6)
    assert await log.commit({0: 1, 3: 3})
    again = await topic.open()
    assert by_partition(await read(again, 2)) == {0: [b"b", b"c"]}


async def test_a_reopened_log_repeats_everything_when_nothing_was_committed(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await read(log, 3)
    assert by_partition(await read(await topic.open(), 3)) == {0: [*THREE]}


async def test_rewinding_repeats_what_was_not_committed(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await read(log, 3)
    assert await log.commit({0: 2})
    log.rewind()
    assert by_partition(await read(log, 1)) == {0: [b"c"]}


async def test_rewinding_repeats_everything_when_nothing_was_ever_committed(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await topic.append(1, *THREE)
    await read(log, 6)
    log.rewind()
    assert by_partition(await read(log, 6)) == {0: [*THREE], 1: [*THREE]}


async def test_rewinding_treats_each_partition_by_its_own_commits(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await topic.append(1, *THREE)
    await read(log, 6)
    assert await log.commit({1: 3})
    log.rewind()
    await topic.append(1, b"d")
    assert by_partition(await read(log, 4)) == {0: [*THREE], 1: [b"d"]}


async def test_rewinding_twice_is_rewinding_once(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await read(log, 3)
    log.rewind()
    log.rewind()
    assert by_partition(await read(log, 3)) == {0: [*THREE]}
    assert (await log.poll()).records == ()


async def test_the_generation_holds_while_nothing_changes_hands(topic: Topic) -> None:
    log = await topic.open()
    await topic.append(0, *THREE)
    await read(log, 3)
    before = (await log.poll()).generation
    log.rewind()
    await read(log, 3)
    assert await log.commit({0: 3})
    assert (await log.poll()).generation == before


async def test_the_lineage_is_eight_bytes_and_the_same_for_every_worker(topic: Topic) -> None:
    first = (await topic.open()).lineage
    assert len(first) == 8
    assert (await topic.open()).lineage == first


# Of Kafka alone: two workers in one group, what is refused, what a record carries


@asynccontextmanager
async def workers(settings: Settings, count: int) -> AsyncIterator[list[KafkaEventLog]]:
    """Logs of one group, started one after the other."""
    async with AsyncExitStack() as stack:
        logs = []
        for _ in range(count):
            log = KafkaEventLog(settings.kafka, settings.topics.events)
            stack.push_async_callback(log.stop)
            logs.append(await log.start())
        yield logs


async def partitions_seen(log: KafkaEventLog, other: KafkaEventLog) -> set[int]:
    """Poll both until the newcomer has records; the partitions they came from."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await log.poll()
            batch = await other.poll()
            if batch.records:
                return {record.partition for record in batch.records}


async def test_a_commit_after_losing_the_partitions_is_refused(kafka: KafkaForTest) -> None:
    settings = small_batches(kafka)
    async with kafka_topic(kafka) as topic:
        for partition in range(PARTITIONS):
            await topic.append(partition, *THREE)
        async with workers(settings, 1) as (old,):
            await read(old, 12)
            before = (await old.poll()).generation
            async with workers(settings, 1) as (young,):
                lost = await partitions_seen(old, young)
                assert (await old.poll()).generation != before
                assert not await old.commit(dict.fromkeys(lost, 3))
                assert await young.commit(dict.fromkeys(lost, 1))


async def test_a_worker_that_leaves_hands_its_partitions_on(kafka: KafkaForTest) -> None:
    settings = small_batches(kafka)
    async with kafka_topic(kafka) as topic, workers(settings, 1) as (stays,):
        for partition in range(PARTITIONS):
            await topic.append(partition, *THREE)
        await read(stays, 12)
        assert await stays.commit(dict.fromkeys(range(PARTITIONS), 2))
        async with workers(settings, 1) as (leaves,):
            moved = await partitions_seen(stays, leaves)
            before = (await stays.poll()).generation
        seen: set[int] = set()
        async with asyncio.timeout(PATIENCE_S):
            while not moved <= seen:
                seen |= {record.partition for record in (await stays.poll()).records}
        assert (await stays.poll()).generation != before


async def test_another_partition_count_is_another_lineage(kafka: KafkaForTest) -> None:
    two, three = small_batches(kafka, partitions=2), small_batches(kafka, partitions=3)
    other = three.topics.model_copy(update={"events": f"{kafka.prefix}other"})
    three = three.model_copy(update={"topics": other})
    await kafka.make_topics(two)
    await kafka.make_topics(three)
    async with workers(two, 1) as (small,), workers(three, 1) as (large,):
        assert small.lineage != large.lineage


def test_cluster_topic_and_partition_count_each_make_the_lineage() -> None:
    names = [
        lineage_of("c1", "t1", 4),
        lineage_of("c2", "t1", 4),
        lineage_of("c1", "t2", 4),
        lineage_of("c1", "t1", 5),
    ]
    assert len(set(names)) == 4


async def test_a_record_carries_key_value_headers_and_the_broker_s_time(
    kafka: KafkaForTest,
) -> None:
    settings = small_batches(kafka)
    async with kafka_topic(kafka), AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        sent = await producer.send_and_wait(
            settings.topics.events,
            b"v",
            key=b"u1",
            headers=[("traceparent", b"00-1"), ("traceparent", b"00-2")],
            timestamp_ms=1,
        )
        home = sent.partition
        await producer.send_and_wait(settings.topics.events, None, key=b"u1", partition=home)
        await producer.send_and_wait(settings.topics.events, b"v", partition=home)
        async with workers(settings, 1) as (log,):
            whole, without_value, without_key = await read(log, 3)
    assert whole == Record(
        sent.partition,
        sent.offset,
        sent.timestamp,
        b"u1",
        b"v",
        (("traceparent", b"00-1"), ("traceparent", b"00-2")),
    )
    assert whole.timestamp_ms > T0_MS
    assert (without_value.key, without_value.value) == (b"u1", None)
    assert (without_key.key, without_key.headers) == (None, ())


async def test_a_topic_that_does_not_exist_is_refused(kafka: KafkaForTest) -> None:
    log = KafkaEventLog(kafka.settings().kafka, f"{kafka.prefix}nowhere")
    with pytest.raises(Refused, match="does not exist"):
        await log.start()
    await log.stop()


async def test_no_broker_is_unavailable() -> None:
    log = KafkaEventLog(KafkaSettings(bootstrap="127.0.0.1:1"), "t")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await log.start()
    await log.stop()
