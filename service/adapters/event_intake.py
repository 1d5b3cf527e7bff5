"""The way into the event log for the HTTP side: aiokafka's idempotent producer, `acks=all`.

Keys are user ids, partitioned by murmur2 as everybody else's, so a user's events stay in one order
whoever sends them.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from service.adapters.stopping import stop_in_time
from service.api.ports import Outgoing, Receipt
from service.core.errors import Unavailable

CONFIRM_TIMEOUT_S: Final = 5.0
"""A listener waits for this answer; a broker that is slower is as good as gone."""


class KafkaEventSink:
    """Appends events to one topic. Implements `EventSink`."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._bootstrap = bootstrap
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=0
        )

    async def start(self) -> None:
        """Connect.

        Raises:
            Unavailable: No broker answers.
        """
        try:
            await self._producer.start()
        except KafkaError as error:
            await stop_in_time(self._producer)
            raise Unavailable(f"kafka at {self._bootstrap}: {error}; see `segue doctor`") from error

    async def stop(self) -> None:
        """Send what is still buffered and disconnect."""
        await stop_in_time(self._producer)

    async def send_many(self, events: Sequence[Outgoing]) -> list[Receipt]:
        """Append the events in the given order; return when all replicas in sync hold them.

        Raises:
            Unavailable: The broker did not confirm in time. Some events may have been appended:
                send all of them again under the same event ids.
        """
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                confirmations = [await self._send(event) for event in events]
                placed = await asyncio.gather(*confirmations)
        except (KafkaError, TimeoutError) as error:
            what = str(error) or f"no confirmation within {CONFIRM_TIMEOUT_S:g} s"
            where = f"kafka: {self._topic}"
            raise Unavailable(f"{where}: {what}; send again with the same event_id") from error
        return [Receipt(one.partition, one.offset) for one in placed]

    async def ping(self) -> None:
        """Return when a broker answers.

        Raises:
            Unavailable: None does.
        """
        try:
            await self._producer.client.fetch_all_metadata()
        except KafkaError as error:
            raise Unavailable(f"kafka at {self._bootstrap}: {error}") from error

    async def _send(self, event: Outgoing) -> "asyncio.Future[Any]":
        confirmation: asyncio.Future[Any] = await self._producer.send(
            self._topic, event.value, key=event.user_id.encode(), headers=list(event.headers)
        )
        return confirmation
