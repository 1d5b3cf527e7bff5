"""Sends the slices and collects what comes back. It starts no process: see run.py."""

import asyncio
import time
from asyncio import Future
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import msgspec

from loadtest.figures import Latencies
from loadtest.latency.answers import Answer, Asked, latencies_ns
from loadtest.latency.echo import OFFSET_HEADER
from loadtest.latency.plan import Slice, System
from loadtest.pace import SteadyPace
from loadtest.producer import EventProducer
from loadtest.sending import due
from loadtest.stages import Stages
from models.data.timed import TimedEvent
from service.core.events import Record
from service.core.slates import Source

ANSWER_TIMEOUT_S: Final = 10.0
START_TIMEOUT_S: Final = 60.0


class _Head(msgspec.Struct):
    """The part of a slate that pairing needs; the rest is skipped unread."""

    source: Source


_HEAD: Final = msgspec.json.Decoder(_Head)


@dataclass
class Side:
    """One of the two systems: how to ask it, and what it has answered."""

    producer: EventProducer
    answers: list[Answer] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)
    stages: Stages = field(default_factory=Stages)
    sent: int = 0
    lost: int = 0
    counting: bool = False
    covered: dict[bytes, int] = field(default_factory=dict)  # user to the highest offset answered
    moved: asyncio.Event = field(default_factory=asyncio.Event)  # an answer came

    def see_slate(self, record: Record, received_at_ns: int) -> None:
        """Take a slate."""
        if record.value is None:
            return  # a deleted user's
        offset = _HEAD.decode(record.value).source.offset
        self._take(record, offset, received_at_ns)
        if self.counting:
            self.stages.record(record, received_at_ns)

    def see_echo(self, record: Record, received_at_ns: int) -> None:
        """Take an echo."""
        self._take(record, int(dict(record.headers)[OFFSET_HEADER]), received_at_ns)

    def _take(self, record: Record, offset: int, received_at_ns: int) -> None:
        assert record.key is not None, f"a record without a key at {record.where}"
        self.answers.append(Answer(record.key, offset, received_at_ns))
        self.covered[record.key] = max(offset, self.covered.get(record.key, -1))
        self.moved.set()


@dataclass
class Measurement:
    """Both sides, one rate, one stream of events."""

    sides: dict[System, Side]
    events: Iterator[TimedEvent]
    rate: float
    lateness: Latencies = field(default_factory=Latencies)  # of the generator itself

    async def run(self, piece: Slice) -> None:
        """Send one slice and wait for its answers."""
        side = self.sides[piece.system]
        side.answers.clear()
        side.counting = piece.measured_s > 0
        total, uncounted = piece.events(self.rate)
        asked = await self._ask(side, total)
        timeout_s = ANSWER_TIMEOUT_S if side.counting else START_TIMEOUT_S
        side.lost += await _missing(side, asked, timeout_s)
        if not side.counting:
            return
        side.sent += len(asked) - uncounted
        for latency_ns in latencies_ns(asked[uncounted:], side.answers):
            side.latencies.record_ns(latency_ns)

    async def _ask(self, side: Side, total: int) -> list[Asked]:
        sent: list[tuple[bytes, int, Future[Any]]] = []
        async for event, due_at_ns in due(islice(self.events, total), SteadyPace(self.rate)):
            assert due_at_ns is not None, "a steady pace knows when"
            confirmation = await side.producer.send(event, due_at_ns)
            self.lateness.record_ns(time.time_ns() - due_at_ns)
            sent.append((event.key, due_at_ns, confirmation))
        await side.producer.flush()
        return [Asked(user, future.result().offset, at_ns) for user, at_ns, future in sent]


async def _missing(side: Side, asked: list[Asked], timeout_s: float) -> int:
    """Wait until nothing is missing, or nothing more can be expected; return how many are."""
    missing = asked
    try:
        async with asyncio.timeout(timeout_s):
            while missing := [a for a in missing if side.covered.get(a.user, -1) < a.offset]:
                side.moved.clear()
                await side.moved.wait()
    except TimeoutError:
        pass
    return len(missing)
