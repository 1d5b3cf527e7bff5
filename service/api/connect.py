"""The real ports of the HTTP side, opened in order and closed in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from service.adapters.catalog import read_catalog
from service.adapters.event_intake import KafkaEventSink
from service.adapters.redis import RedisSessionStore, connect
from service.adapters.slate_cache import SlateCache
from service.adapters.slate_feed import KafkaSlateFeed
from service.api.catalogue import TableCatalogue
from service.api.clock import SystemClock
from service.api.deps import ApiDeps
from service.api.hub import SlateHub
from service.core.errors import Unavailable
from service.settings import Settings

TRY_AGAIN_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Kafka and Redis may come up beside us: wait about that long, then say what is wrong."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[ApiDeps]:
    """Open every port and close them at the end.

    Raises:
        Unavailable: Kafka or Redis did not answer in time.
        Refused: There is no catalogue that this service can read.
    """
    catalog = read_catalog(settings.catalog.path)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(connect(settings.redis.url))
        slates = SlateCache(redis)
        await _patiently(slates.ping)
        sink = await _opened_sink(settings, stack)
        feed = await _opened_feed(settings, stack)
        yield ApiDeps(
            slates=slates,
            states=RedisSessionStore(redis, settings.redis.session_ttl_ms),
            sink=sink,
            feed=feed,
            catalogue=TableCatalogue(catalog.table, catalog.names),
            clock=clock,
            hub=SlateHub(clock),
            events_topic=settings.topics.events,
            slates_topic=settings.topics.slates,
            bootstrap=settings.kafka.bootstrap,
        )


async def _opened_sink(settings: Settings, stack: AsyncExitStack) -> KafkaEventSink:
    async def start() -> KafkaEventSink:
        sink = KafkaEventSink(settings.kafka.bootstrap, settings.topics.events)
        await sink.start()
        return sink

    sink = await _patiently(start)
    stack.push_async_callback(sink.stop)
    return sink


async def _opened_feed(settings: Settings, stack: AsyncExitStack) -> KafkaSlateFeed:
    async def start() -> KafkaSlateFeed:
        feed = KafkaSlateFeed(settings.kafka.bootstrap, settings.topics.slates)
        await feed.start()
        return feed

    feed = await _patiently(start)
    stack.push_async_callback(feed.stop)
    return feed


async def _patiently(start: Callable[[], Awaitable[T]]) -> T:
    for pause_s in TRY_AGAIN_S:
        try:
            return await start()
        except Unavailable as error:
            logger.warning("not there yet, trying again in %g s: %s", pause_s, error)
            await asyncio.sleep(pause_s)
    return await start()
