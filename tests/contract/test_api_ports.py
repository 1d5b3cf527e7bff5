"""What the HTTP side is promised by its ports: twin and real thing pass the same suite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from service.adapters.event_intake import KafkaEventSink
from service.adapters.slate_feed import KafkaSlateFeed
from service.api.ports import EventSink, Outgoing, SlateFeed
from service.api.twins import MemoryFeed, MemorySink
from service.core.errors import Unavailable
from service.core.events import Record, UserId
from tests.conftest import KafkaForTest

NOWHERE = "127.0.0.1:1"


def outgoing(number: int, user_id: str = "u1") -> Outgoing:
    return Outgoing(UserId(user_id), b'{"n": %d}' % number, (("ce_id", b"%d" % number),))


@pytest.fixture(params=["memory", "kafka"])
def broker(request: pytest.FixtureRequest) -> KafkaForTest | None:
    """The real broker, or None for the twin. Not async: the broker starts on a loop of its own."""
    if request.param == "memory":
        return None
    kafka: KafkaForTest = request.getfixturevalue("kafka")
    return kafka


@pytest.fixture
async def sink(broker: KafkaForTest | None) -> AsyncIterator[EventSink]:
    if broker is None:
        yield MemorySink()
        return
    kafka = broker
    settings = kafka.settings()
    await kafka.make_topics(settings)
    real = KafkaEventSink(kafka.bootstrap, settings.topics.events)
    await real.start()
    yield real
    await real.stop()


async def test_a_users_events_are_appended_in_their_order(sink: EventSink) -> None:
    first = await sink.send_many([outgoing(n) for n in range(5)])
    second = await sink.send_many([outgoing(5)])
    offsets = [receipt.offset for receipt in (*first, *second)]
    assert offsets == list(range(offsets[0], offsets[0] + 6))
    assert len({receipt.partition for receipt in (*first, *second)}) == 1


async def test_nothing_to_send_is_nothing_sent(sink: EventSink) -> None:
    assert await sink.send_many([]) == []


async def test_a_log_that_answers_says_so(sink: EventSink) -> None:
    await sink.ping()


async def test_key_value_and_headers_arrive_as_they_were_given(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    sink = KafkaEventSink(kafka.bootstrap, settings.topics.events)
    await sink.start()
    (receipt,) = await sink.send_many([outgoing(7, "user/7")])
    await sink.stop()
    consumer = AIOKafkaConsumer(
        settings.topics.events, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert (record.partition, record.offset) == (receipt.partition, receipt.offset)
    assert (record.key, record.value) == (b"user/7", b'{"n": 7}')
    assert tuple(record.headers) == (("ce_id", b"7"),)


async def test_no_broker_is_unavailable_and_says_where() -> None:
    with pytest.raises(Unavailable, match=NOWHERE):
        await KafkaEventSink(NOWHERE, "t").start()
    with pytest.raises(Unavailable, match=NOWHERE):
        await KafkaSlateFeed(NOWHERE, "t").start()


@dataclass
class Fed:
    """A feed, and a way to publish what it should bring."""

    feed: SlateFeed
    publish: Callable[[str, bytes | None], Awaitable[None]]


@pytest.fixture
async def fed(broker: KafkaForTest | None) -> AsyncIterator[Fed]:
    if broker is None:
        memory = MemoryFeed()

        async def push(user_id: str, value: bytes | None) -> None:
            memory.push(Record(0, 0, 1, user_id.encode(), value, (("h", b"1"),)))

        yield Fed(memory, push)
        return
    kafka = broker
    settings = kafka.settings()
    await kafka.make_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()

    async def publish(user_id: str, value: bytes | None) -> None:
        headers = [("h", b"1")]
        await producer.send_and_wait(
            settings.topics.slates, value, key=user_id.encode(), headers=headers
        )

    for user in range(8):
        await publish(f"before{user}", b"{}")
    feed = KafkaSlateFeed(kafka.bootstrap, settings.topics.slates)
    await feed.start()
    yield Fed(feed, publish)
    await feed.stop()
    await producer.stop()


async def read(feed: SlateFeed, count: int) -> list[Record]:
    """Read until `count` records came."""
    records: list[Record] = []
    async with asyncio.timeout(20):
        async for batch in feed.batches():
            records.extend(batch)
            if len(records) >= count:
                return records
    raise AssertionError("the feed ended")


async def test_a_feed_brings_every_user_from_now_on_and_nothing_older(fed: Fed) -> None:
    for user in range(8):  # over all partitions
        await fed.publish(f"u{user}", b"{}")
    records = await read(fed.feed, 8)
    assert sorted(str(r.key, "ascii") for r in records if r.key) == [f"u{n}" for n in range(8)]


async def test_a_feed_brings_tombstones_and_headers(fed: Fed) -> None:
    await fed.publish("u1", None)
    (record,) = await read(fed.feed, 1)
    assert (record.key, record.value, record.headers) == (b"u1", None, (("h", b"1"),))
    assert record.timestamp_ms > 0


async def test_a_feed_that_answers_says_so(fed: Fed) -> None:
    await fed.feed.ping()


async def test_a_missing_topic_is_named(kafka: KafkaForTest) -> None:
    topic = f"{kafka.prefix}nothing"
    with pytest.raises(Unavailable, match=topic):
        await KafkaSlateFeed(kafka.bootstrap, topic, request_timeout_ms=1_000).start()
