"""Reads an output topic as it grows, from its end, and says when each record arrived here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from service.adapters.slate_feed import KafkaSlateFeed
from service.core.events import Record

See = Callable[[Record, int], None]  # a record, and Unix nanoseconds at its arrival


@asynccontextmanager
async def watching(bootstrap: str, topic: str, see: See) -> AsyncIterator["asyncio.Task[None]"]:
    """Call `see` for every record that is published while the block runs.

    Yields the watch itself, which never ends of its own accord; when it has failed, the block's end
    raises what it failed with.

    Raises:
        Unavailable: No broker, or no such topic.
    """
    feed = KafkaSlateFeed(bootstrap, topic)
    await feed.start()
    watch = asyncio.create_task(_watch(feed, see))
    try:
        yield watch
    finally:
        watch.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await watch
        finally:
            await feed.stop()


async def _watch(feed: KafkaSlateFeed, see: See) -> None:
    async for batch in feed.batches():
        arrived_at_ns = time.time_ns()
        for record in batch:
            see(record, arrived_at_ns)
