"""Append records to a topic exactly as they are given: bytes in, bytes on the log.

Nothing is checked or added; that is the point. Keys are partitioned by murmur2, records without a
key go wherever the client likes.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import Struct

from service.core.errors import Unavailable

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024
"""A 10 MB event must be able to arrive, to be dead-lettered."""


class RawRecord(Struct, frozen=True):
    """What is appended."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class RecordWriter:
    """One idempotent producer, acks=all. Use it with `async with`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id="segue-writer",
            acks="all",
            enable_idempotence=True,
            max_request_size=RECORD_BYTES_MAX,
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
            raise Unavailable(f"kafka at {self._bootstrap}: {error}; see `segue doctor`") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def write(self, topic: str, records: Sequence[RawRecord]) -> list[tuple[int, int]]:
        """Append in order; return (partition, offset) of each once all are acknowledged.

        Raises:
            Unavailable: Not all were acknowledged; some may be on the log.
        """
        try:
            sent = [await self._send(topic, record) for record in records]
            placed = await asyncio.gather(*sent)
        except KafkaError as error:
            raise Unavailable(f"kafka did not take {len(records)} records: {error!r}") from error
        return [(one.partition, one.offset) for one in placed]

    async def _send(self, topic: str, record: RawRecord) -> "asyncio.Future[Any]":
        confirmation: asyncio.Future[Any] = await self._producer.send(
            topic, record.value, key=record.key, headers=list(record.headers)
        )
        return confirmation
