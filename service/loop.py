"""Step until told to stop; after a failure, from the committed offsets again.

Knows no adapter and no metric: what happens is told through two callbacks.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from service.core.errors import StaleWrite, Unavailable
from service.ports import EventLog
from service.processor import Processor

BACKOFF_MS: Final = (50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000, 5_000)
"""Waits between attempts at one batch; after the last the failure is raised."""


async def run(
    processor: Processor,
    log: EventLog,
    stop: asyncio.Event,
    *,
    on_step: Callable[[], None] = lambda: None,
    on_retry: Callable[[Exception, int], None] = lambda _error, _attempt: None,
    backoff_ms: Sequence[int] = BACKOFF_MS,
) -> None:
    """Process until `stop` is set, then commit what is finished.

    Raises:
        Unavailable, StaleWrite: One batch failed more often than there are waits. Nothing is lost:
            exit, and let a supervisor start a fresh process.
    """
    failures = 0
    while not stop.is_set():
        try:
            await processor.step()
            failures = 0
            on_step()
        except (Unavailable, StaleWrite) as error:
            if failures == len(backoff_ms):
                raise
            on_retry(error, failures + 1)
            # Without the rewind the next poll would step over the failed batch.
            processor.doubt()
            log.rewind()
            await _wait(stop, backoff_ms[failures])
            failures += 1
    await processor.drain()


async def _wait(stop: asyncio.Event, wait_ms: int) -> None:
    try:
        async with asyncio.timeout(wait_ms / 1000):
            await stop.wait()
    except TimeoutError:
        pass
