"""A real worker's loop, log, store and publisher on the tests' servers; it ranks nothing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from service.adapters.kafka import KafkaEventLog, KafkaPublisher
from service.adapters.memory import MemorySideEffects, StepClock
from service.adapters.redis import RedisSessionStore, connect
from service.core.events import UserId
from service.core.session import SessionState
from service.core.slates import Model
from service.processor import Limits, Outside, Processor
from service.ranking import Ranked
from service.settings import Settings

Produced = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


@asynccontextmanager
async def worker_on_stack(settings: Settings) -> AsyncIterator[Processor]:
    """A processor that has joined its group."""
    redis = connect(settings.redis.url)
    log = KafkaEventLog(settings.kafka, settings.topics.events)
    publisher = KafkaPublisher(settings.kafka, settings.topics)
    store = await RedisSessionStore.open(redis, settings.redis.session_ttl_ms)
    await publisher.start()
    await log.start()
    outside = Outside(
        log=log,
        store=store,
        publisher=publisher,
        side_effects=MemorySideEffects(),
        clock=StepClock(),
        rank=_no_items,
        model=lambda: Model("none", "1"),
    )
    try:
        yield Processor(outside, Limits(events_topic=settings.topics.events))
    finally:
        await log.stop()
        await publisher.stop()
        await redis.aclose()


async def work_off(settings: Settings, records: int) -> None:
    """Process this many records, then drain."""
    async with worker_on_stack(settings) as processor:
        done = 0
        while done < records:
            done += await processor.step()
        await processor.drain()


async def produce(settings: Settings, records: Sequence[Produced]) -> None:
    """Send (key, value, headers) as they are and wait for every acknowledgement."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap, max_request_size=16 * 1024 * 1024
    )
    await producer.start()
    try:
        for key, value, headers in records:
            await producer.send_and_wait(
                settings.topics.events, value, key=key, headers=list(headers)
            )
    finally:
        await producer.stop()


async def _no_items(states: Sequence[SessionState], _: Sequence[UserId]) -> list[Ranked]:
    return [Ranked((), ("no_candidates",), Model("none", "0")) for _ in states]
