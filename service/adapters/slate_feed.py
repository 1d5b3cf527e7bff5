"""Every slate from now on: one aiokafka consumer, no group, all partitions, from their ends.

No group means no rebalance and nothing to commit: each API process reads everything, and what it
missed while it was away lies in the slate cache.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from service.adapters.stopping import stop_in_time
from service.core.errors import Unavailable
from service.core.events import Record

POLL_MS: Final = 500
BATCH_RECORDS_MAX: Final = 500
REQUEST_TIMEOUT_MS: Final = 10_000
"""Also how long a topic that does not exist is waited for: it may be about to be created."""


class KafkaSlateFeed:
    """Reads one topic from its end. Implements `SlateFeed`."""

    def __init__(
        self, bootstrap: str, topic: str, request_timeout_ms: int = REQUEST_TIMEOUT_MS
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=None,  # then the client takes all partitions, also ones added later
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=request_timeout_ms,
        )

    async def start(self) -> None:
        """Connect, and stand at the end of every partition.

        Raises:
            Unavailable: No broker answers, or the topic does not exist.
        """
        try:
            await self._consumer.start()
            # Asking for the position is what makes the client look up the end of the partition.
            for partition in self._consumer.assignment():
                await self._consumer.position(partition)
        except KafkaError as error:
            await stop_in_time(self._consumer)
            raise Unavailable(
                f"kafka at {self._bootstrap}, topic {self._topic}: {error}; see `segue doctor`"
            ) from error

    async def stop(self) -> None:
        """Disconnect."""
        await stop_in_time(self._consumer)

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


def _record(raw: Any) -> Record:
    return Record(raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers))
