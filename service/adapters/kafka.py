"""The event log and the output topics on Kafka, through aiokafka.

Traps this file knows (aiokafka 0.14): `seek_to_committed` stays where it is when nothing was
committed yet, which would skip the failed batch; rebalances run behind the loop's back, so a
commit may be refused at any time; a failed send is only seen by who awaits its future.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Self

import msgspec
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from service.adapters.stopping import stop_in_time
from service.core.errors import Refused, Unavailable
from service.core.events import Record, UserId
from service.core.slates import DEAD_LETTER_HEADERS, DeadLetter, OutcomeBatch, Slate
from service.ports import Batch, Publication, Trace
from service.settings import KafkaSettings, TopicSettings

Headers = list[tuple[str, bytes]]
Sent = asyncio.Future[Any]  # done when the broker has acknowledged
ACK_TIMEOUT_S: Final = 15.0
# Structs straight to bytes: 10 us a slate; by way of dictionaries, orjson takes 17.
JSON: Final = msgspec.json.Encoder()


class _Generations(ConsumerRebalanceListener):  # type: ignore[misc]
    """Counts rebalances, so that the processor notices when partitions may have changed hands."""

    def __init__(self) -> None:
        self.number = 0

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.number += 1

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.number += 1


class KafkaEventLog:
    """The event log port over a consumer group."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._generations = _Generations()
        self._lineage = b""
        self._must_rewind = False
        self._positions: dict[int, int] = {}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=settings.group,
            client_id="segue-worker",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=settings.batch_records_max,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
        )

    async def start(self) -> Self:
        """Join the group.

        Raises:
            Unavailable: The broker does not answer.
            Refused: The topic does not exist.
        """
        try:
            await self._consumer.start()
            self._lineage = await self._find_lineage()
        except KafkaError as error:
            raise Unavailable(f"kafka at {self._settings.bootstrap}: {error}") from error
        self._consumer.subscribe([self._topic], listener=self._generations)
        return self

    async def stop(self) -> None:
        """Leave the group at once, so that others take over without waiting for a timeout."""
        await stop_in_time(self._consumer)

    @property
    def lineage(self) -> bytes:
        """A hash of cluster, topic and partition count."""
        return self._lineage

    @property
    def lag_records(self) -> dict[int, int]:
        """Records not polled yet, by partition, as far as the last fetch told."""
        lags = {}
        for tp in self._consumer.assignment():
            newest = self._consumer.highwater(tp)
            if newest is not None:
                lags[tp.partition] = max(newest - self._positions.get(tp.partition, newest), 0)
        return lags

    async def _find_lineage(self) -> bytes:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap)
        await admin.start()
        try:
            cluster = await admin.describe_cluster()
            topics = await admin.describe_topics([self._topic])
        finally:
            await admin.close()
        partitions = topics[0]["partitions"] if topics else []
        if not partitions:
            raise Refused(f"topic {self._topic} does not exist; create it, or run `segue up`")
        return lineage_of(str(cluster.get("cluster_id")), self._topic, len(partitions))

    async def poll(self) -> Batch:
        """Take what was fetched; wait `poll_timeout_ms` at most when nothing was."""
        try:
            if self._must_rewind:
                await self._rewind()
            fetched = await self._consumer.getmany(timeout_ms=self._settings.poll_timeout_ms)
        except (KafkaError, IllegalStateError) as error:
            raise Unavailable(f"kafka did not answer a poll of {self._topic}: {error}") from error
        polled_at_ns = time.time_ns()
        records = tuple(_record(r) for some in fetched.values() for r in some)
        self._positions |= {tp.partition: some[-1].offset + 1 for tp, some in fetched.items()}
        return Batch(records, self._generations.number, polled_at_ns)

    async def commit(self, next_offsets: Mapping[int, int]) -> bool:
        """Commit explicit offsets; a refusal means that the partitions have another owner."""
        offsets = {TopicPartition(self._topic, p): offset for p, offset in next_offsets.items()}
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return False
        except KafkaError as error:
            raise Unavailable(
                f"kafka did not answer a commit of {next_offsets}: {error}"
            ) from error
        return True

    def rewind(self) -> None:
        """Note it; the next poll does it, and fails until it is done."""
        self._must_rewind = True

    async def _rewind(self) -> None:
        for tp in self._consumer.assignment():
            committed = await self._consumer.committed(tp)
            if committed is None:
                await self._consumer.seek_to_beginning(tp)
            else:
                self._consumer.seek(tp, committed)
            self._positions[tp.partition] = committed or 0
        self._must_rewind = False


def lineage_of(cluster_id: str, topic: str, partitions: int) -> bytes:
    """Name an incarnation of a topic in 8 bytes.

    A changed partition count is another layout, and so another name.
    """
    return blake2b(f"{cluster_id}|{topic}|{partitions}".encode(), digest_size=8).digest()


def _record(record: ConsumerRecord) -> Record:
    return Record(
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )


class KafkaPublisher:
    """The output topics over one producer.

    acks=all; order per user holds, because the client has one request in flight per broker.
    """

    def __init__(self, settings: KafkaSettings, topics: TopicSettings) -> None:
        self._topics = topics
        self._bootstrap = settings.bootstrap
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            client_id="segue-worker",
            acks="all",
            linger_ms=0,
            max_batch_size=1 << 20,
            request_timeout_ms=10_000,
        )

    async def start(self) -> Self:
        """Connect.

        Raises:
            Unavailable: The broker does not answer.
        """
        try:
            await self._producer.start()
        except KafkaError as error:
            raise Unavailable(f"kafka at {self._bootstrap}: {error}") from error
        return self

    async def stop(self) -> None:
        """Send what is pending and disconnect."""
        await stop_in_time(self._producer)

    async def publish(self, publication: Publication) -> None:
        """Send everything, then wait for every acknowledgement."""
        try:
            sent = [
                *[await self._send_slate(*slate) for slate in publication.slates],
                *[await self._send_outcomes(batch) for batch in publication.outcomes],
                *[await self._send_letter(letter) for letter in publication.dead_letters],
            ]
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"kafka did not acknowledge a batch: {error!r}") from error

    async def _send_slate(self, user_id: UserId, slate: Slate | None, trace: Trace) -> Sent:
        value = None if slate is None else JSON.encode(slate)
        sent: Sent = await self._producer.send(
            self._topics.slates, value=value, key=user_id.encode(), headers=_trace_headers(trace)
        )
        return sent

    async def _send_outcomes(self, batch: OutcomeBatch) -> Sent:
        sent: Sent = await self._producer.send(self._topics.outcomes, value=JSON.encode(batch))
        return sent

    async def _send_letter(self, letter: DeadLetter) -> Sent:
        sent: Sent = await self._producer.send(
            self._topics.dead_letters,
            value=letter.value,
            key=letter.key,
            headers=[*letter.headers, *dead_letter_headers(letter)],
        )
        return sent


def _trace_headers(trace: Trace) -> Headers:
    headers = [
        ("segue.version", b"%d" % trace.version),
        ("segue.appended_at_ms", b"%d" % trace.appended_at_ms),
        ("segue.polled_at_ns", b"%d" % trace.polled_at_ns),
        ("segue.stored_at_ns", b"%d" % trace.stored_at_ns),
        ("segue.ranked_at_ns", b"%d" % trace.ranked_at_ns),
    ]
    if trace.sent_at_ns is not None:
        headers.append(("segue.sent_at_ns", trace.sent_at_ns))
    if trace.traceparent is not None:
        headers.append(("traceparent", trace.traceparent))
    return headers


def dead_letter_headers(letter: DeadLetter) -> Headers:
    """What is said about a dead letter, beside its own headers."""
    facts: Sequence[object] = (
        letter.topic,
        letter.partition,
        letter.offset,
        letter.timestamp_ms,
        letter.kind,
        letter.message,
        letter.attempt,
        letter.first_failed_at_ms,
    )
    return [(n, str(fact).encode()) for n, fact in zip(DEAD_LETTER_HEADERS, facts, strict=True)]
