"""Reads an output topic as it grows, from its end, and says when each record arrived here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from service.adapters.slate_feed import KafkaSlateFeed
from service.core.events import Record

See = Callable[[Record, int], None]  # a record, and Unix nanoseconds at its arrival


@asynccontextmanager
async def watching(bootstrap: str, topic: str, see: See) -> AsyncIterator[None]:
    """Call `see` for every record that is published while the block runs.

    Raises:
        Unavailable: No broker, or no such topic.
        Exception: What `see` raised; the block is told at its end.
    """
    feed = KafkaSlateFeed(bootstrap, topic)
    await feed.start()
    task = asyncio.create_task(_watch(feed, see))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await feed.stop()


async def _watch(feed: KafkaSlateFeed, see: See) -> None:
    async for batch in feed.batches():
        arrived_at_ns = time.time_ns()
        for record in batch:
            see(record, arrived_at_ns)
