"""Read a topic as a book: from its beginning to its end as of now, or on and on as it grows.

No consumer group, nothing committed, one fetch in memory at a time. Whose records they are and what
they mean, this file does not know.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from service.core.errors import Refused, Unavailable
from service.core.events import Record

_POLL_MS: Final = 200
_BATCH_RECORDS_MAX: Final = 2_000
_STALL_S: Final = 30.0

Offsets = Mapping[int, int]
"""By partition."""


class LogReader:
    """Reads one topic, all partitions side by side, each in offset order."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions: list[TopicPartition] = []
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            client_id="segue-reader",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Self:
        """Connect and look at the partitions.

        Raises:
            Unavailable: No broker answers.
            Refused: There is no such topic.
        """
        try:
            numbers = await self._numbers()
            await self._consumer.start()
        except Refused:
            await self._consumer.stop()
            raise
        except KafkaError as error:
            await self._consumer.stop()
            raise self._unavailable(error) from error
        self._partitions = [TopicPartition(self._topic, number) for number in numbers]
        self._consumer.assign(self._partitions)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def begins(self) -> dict[int, int]:
        """Return the first offset that is still there, by partition."""
        return self._by_number(await self._ask(self._consumer.beginning_offsets(self._partitions)))

    async def ends(self) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return self._by_number(await self._ask(self._consumer.end_offsets(self._partitions)))

    async def read(
        self, until: Offsets | None = None, *, begin: Offsets | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        """Yield everything, batch by batch, up to `until` (or the end now).

        A partition is read from its offset in `begin`, from its beginning when that has none.

        Raises:
            Unavailable: The broker went away, or sends nothing though there is more.
        """
        ends = await self.ends() if until is None else dict(until)
        await self._ask(self._consumer.seek_to_beginning(*self._partitions))
        for tp in self._partitions:
            if begin is not None and tp.partition in begin:
                self._consumer.seek(tp, begin[tp.partition])
        while await self._is_before(ends):
            batch = await self._next(_STALL_S)
            if not batch and await self._is_before(ends):
                raise Unavailable(
                    f"kafka sent nothing of {self._topic} for {_STALL_S:.0f} s; there is more"
                )
            yield [record for record in batch if record.offset < ends[record.partition]]

    async def read_one(self, partition: int, offset: int) -> Record | None:
        """Return the record at an offset, or None when it is not there (any more)."""
        (begins, ends) = (await self.begins(), await self.ends())
        if not begins.get(partition, 0) <= offset < ends.get(partition, 0):
            return None
        target = TopicPartition(self._topic, partition)
        self._consumer.pause(*(tp for tp in self._partitions if tp != target))
        self._consumer.seek(target, offset)
        found = next(iter(await self._next(_STALL_S)), None)
        return found if found and found.offset == offset else None

    async def follow(self, *, from_start: bool) -> AsyncIterator[Sequence[Record]]:
        """Yield what is there (if asked) and then what arrives, for as long as somebody listens."""
        seek = self._consumer.seek_to_beginning if from_start else self._consumer.seek_to_end
        await self._ask(seek(*self._partitions))
        for (
            partition
        ) in self._partitions:  # a lazy seek would miss what comes before the first poll
            await self._ask(self._consumer.position(partition))
        while True:
            batch = await self._poll(_POLL_MS)
            if batch:
                yield batch

    async def _numbers(self) -> list[int]:
        """Ask for the partitions: a consumer told to read a missing topic waits for 40 s."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            await admin.start()
            (topic,) = await admin.describe_topics([self._topic])
        finally:
            await admin.close()
        if not topic["partitions"]:
            raise Refused(
                f"there is no topic {self._topic} at {self._bootstrap}; `segue up` makes it"
            )
        return sorted(partition["partition"] for partition in topic["partitions"])

    async def _is_before(self, ends: Offsets) -> bool:
        """Whether a partition is not read to its end; ends may be holes, so positions decide."""
        for tp in self._partitions:
            if await self._ask(self._consumer.position(tp)) < ends.get(tp.partition, 0):
                return True
        return False

    async def _next(self, timeout_s: float) -> list[Record]:
        """The next records; an empty list when a fetch only moved the position, or time is up."""
        before = [await self._ask(self._consumer.position(tp)) for tp in self._partitions]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while loop.time() < deadline:
            batch = await self._poll(_POLL_MS)
            now = [await self._ask(self._consumer.position(tp)) for tp in self._partitions]
            if batch or now != before:
                return batch
        return []

    async def _poll(self, timeout_ms: int) -> list[Record]:
        polled = await self._ask(
            self._consumer.getmany(timeout_ms=timeout_ms, max_records=_BATCH_RECORDS_MAX)
        )
        return [_record(raw) for batch in polled.values() for raw in batch]

    async def _ask(self, answer: Any) -> Any:
        try:
            return await answer
        except KafkaError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: KafkaError) -> Unavailable:
        return Unavailable(
            f"kafka at {self._bootstrap}: {self._topic}: {error}; see `segue doctor`"
        )

    def _by_number(self, offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
        return {tp.partition: offset for tp, offset in offsets.items()}


def _record(raw: Any) -> Record:
    return Record(raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers))
