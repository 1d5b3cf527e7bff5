"""Every slate from now on: one aiokafka consumer, no group, all partitions, from their ends.

No group means no rebalance and nothing to commit: each API process reads everything, and what it
missed while it was away lies in the slate cache.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.core.errors import Unavailable
from service.core.events import Record

POLL_MS: Final = 500
BATCH_RECORDS_MAX: Final = 500
TOPIC_WAIT_S: Final = 0.25
TOPIC_TRIES: Final = 40


class KafkaSlateFeed:
    """Reads one topic from its end. Implements `SlateFeed`."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=POLL_MS,
        )

    async def start(self) -> None:
        """Connect, and stand at the end of every partition.

        Raises:
            Unavailable: No broker answers, or the topic does not exist.
        """
        try:
            await self._consumer.start()
            partitions = await self._partitions()
            self._consumer.assign(partitions)
            await self._consumer.seek_to_end(*partitions)
            for partition in partitions:
                await self._consumer.position(partition)
        except (KafkaError, Unavailable) as error:
            await self._consumer.stop()
            raise Unavailable(f"kafka at {self._bootstrap}: {error}; see `segue doctor`") from error

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def batches(self) -> AsyncIterator[Sequence[Record]]:
        """Yield records as they arrive. An outage is silence: the client reconnects by itself."""
        while True:
            polled = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
            records = [_record(raw) for batch in polled.values() for raw in batch]
            if records:
                yield records

    async def ping(self) -> None:
        """Return when the brokers that lead our partitions answer.

        Raises:
            Unavailable: They do not.
        """
        try:
            await self._consumer.end_offsets(list(self._consumer.assignment()))
        except KafkaError as error:
            raise Unavailable(f"kafka: {self._topic}: {error}") from error

    async def _partitions(self) -> list[TopicPartition]:
        """A topic created a moment ago may not be known everywhere yet: ask a few times."""
        for _ in range(TOPIC_TRIES):
            await self._consumer.topics()  # fetches fresh metadata
            numbers = self._consumer.partitions_for_topic(self._topic)
            if numbers:
                return [TopicPartition(self._topic, number) for number in sorted(numbers)]
            await asyncio.sleep(TOPIC_WAIT_S)
        raise Unavailable(f"there is no topic {self._topic}; `segue up` creates it")


def _record(raw: Any) -> Record:
    return Record(raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers))
