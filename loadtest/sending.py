"""Sends events when they are due. It knows the clock; `pace` knows when, the producer how."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Final, Protocol

from loadtest.pace import Pace
from models.data.timed import TimedEvent

BREATHE_EVERY: Final = 200
"""Flat out, the loop is given to others this often: nothing else in `send` need ever wait."""


class Sender(Protocol):
    """Takes events; an `EventProducer` does."""

    async def send(self, event: TimedEvent, sent_at_ns: int | None = None) -> object:
        """Send one event, dated `sent_at_ns`."""
        ...


async def send_all(events: Iterable[TimedEvent], pace: Pace, sender: Sender) -> int:
    """Send all events at their pace; return how many. The last may not be acknowledged yet."""
    number = 0
    async for event, due_at_ns in due(events, pace):
        await sender.send(event, due_at_ns)
        number += 1
    return number


async def due(
    events: Iterable[TimedEvent], pace: Pace
) -> AsyncIterator[tuple[TimedEvent, int | None]]:
    """Yield each event when it is due, with the time it was due (None: now).

    A generator that is late does not wait: it catches up, and the dates say when events were due.
    """
    start_ns = time.time_ns()
    for number, event in enumerate(events):
        after_ns = pace.due_ns(number, event.at_ms)
        if after_ns is None:
            if number % BREATHE_EVERY == 0:
                await asyncio.sleep(0)
            yield event, None
            continue
        early_ns = start_ns + after_ns - time.time_ns()
        if early_ns > 0:
            await asyncio.sleep(early_ns / 1e9)
        yield event, start_ns + after_ns
