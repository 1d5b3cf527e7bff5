"""Puts generated events into the input topic, bounded in what is on its way.

Keys are user ids and aiokafka partitions by murmur2, so a user's events stay in one partition, in
the order they were sent. A failed send fails the run: a generator that loses events measures
nothing.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from models.data.timed import TimedEvent
from service.core.errors import Unavailable

SENT_HEADER: Final = "segue.sent_at_ns"
IN_FLIGHT_MAX: Final = 2_000
_SOURCE: Final = b"segue/loadtest"


class EventProducer:
    """Appends events to one topic with acks=all."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        in_flight_max: int = IN_FLIGHT_MAX,
        cloud_events: bool = False,
    ) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._topic = topic
        self._bootstrap = bootstrap
        self._in_flight_max = in_flight_max
        self._cloud_events = cloud_events
        self._moved = asyncio.Event()  # an acknowledgement came
        self._failure: BaseException | None = None
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, client_id="segue-loadtest", acks="all", linger_ms=0
        )

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Unavailable: No broker answers.
        """
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise Unavailable(f"kafka at {self._bootstrap}: {error}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is buffered and disconnect."""
        await self._producer.stop()

    async def send(self, event: TimedEvent, sent_at_ns: int | None = None) -> "asyncio.Future[Any]":
        """Append one event; waits only while too many are on their way.

        Args:
            event: What to send.
            sent_at_ns: The time it was due, when that is not now.

        Returns:
            The broker's answer to come, with partition and offset.

        Raises:
            Unavailable: This event cannot be sent, or an earlier one was not acknowledged.
        """
        await self._until(self._in_flight_max - 1)
        headers = [(SENT_HEADER, b"%d" % (sent_at_ns or time.time_ns()))]
        if self._cloud_events:
            headers += _cloud_headers(event)
        try:
            confirmation: asyncio.Future[Any] = await self._producer.send(
                self._topic, event.value, key=event.key, headers=headers
            )
        except KafkaError as error:
            raise self._refusal(self.sent, error) from error
        self.sent += 1
        confirmation.add_done_callback(self._note)
        return confirmation

    async def flush(self) -> None:
        """Return once everything sent is acknowledged.

        Raises:
            Unavailable: Something was not.
        """
        await self._until(0)

    async def _until(self, in_flight: int) -> None:
        while self._failure is None and self.sent - self.acknowledged > in_flight:
            self._moved.clear()
            await self._moved.wait()
        if self._failure is not None:
            raise self._refusal(self.acknowledged, self._failure)

    def _refusal(self, before: int, error: BaseException) -> Unavailable:
        return Unavailable(f"kafka did not take event {before + 1} into {self._topic}: {error!r}")

    def _note(self, confirmation: "asyncio.Future[Any]") -> None:
        if confirmation.cancelled():
            self._failure = asyncio.CancelledError()
        elif (failure := confirmation.exception()) is not None:
            self._failure = failure
        else:
            self.acknowledged += 1
        self._moved.set()


def _cloud_headers(event: TimedEvent) -> list[tuple[str, bytes]]:
    seconds, ms = divmod(event.at_ms, 1000)
    moment = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
    return [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", event.event_id.encode()),
        ("ce_source", _SOURCE),
        ("ce_type", b"segue.playback." + event.type.encode()),
        ("ce_time", moment.encode()),
        ("ce_partitionkey", event.key),
    ]
