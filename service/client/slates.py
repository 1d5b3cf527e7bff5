"""Slates from Kafka, newest per user: one consumer without a group, on all partitions.

Without a group nothing is committed: a restart reads the topic again from its start, which
compaction keeps at about one slate per user, and ends up with the same slates. A reader that shares
the work with others uses a group of its own and `Newest` in the same way.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from service.client.newest import Deleted, Newest
from service.core.slates import Slate

TOPIC: Final = "nowplaying.slates.v1"
TOPIC_WAIT_S: Final = 0.25


async def newest_slates(
    bootstrap: str,
    users: Collection[str] | None = None,
    *,
    topic: str = TOPIC,
    from_start: bool = True,
    **kafka: Any,
) -> AsyncIterator[Slate | Deleted]:
    """Yield every slate that is newer than the last one of its user, and every deletion.

    Args:
        bootstrap: `host:port` of the brokers, comma separated.
        users: Only these users; all of them if None.
        topic: Where the slates are.
        from_start: Begin with the latest slate of each user; False begins with what comes next.
        kafka: More settings for the consumer (`security_protocol`, `ssl_context`, ...).

    Raises:
        aiokafka.errors.KafkaError: No broker answers at the start. Later outages are waited out.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, **kafka
    )
    await consumer.start()
    try:
        await _stand(consumer, topic, from_start=from_start)
        newest = Newest()
        async for record in consumer:
            if users is not None and (record.key or b"").decode("utf-8", "replace") not in users:
                continue
            news = newest.take(record.key, record.value, record.headers)
            if news is not None:
                yield news
    finally:
        await consumer.stop()


async def _stand(consumer: AIOKafkaConsumer, topic: str, *, from_start: bool) -> None:
    """Take all partitions. A topic that does not exist yet is waited for."""
    while True:
        if topic in await consumer.topics():
            break
        await asyncio.sleep(TOPIC_WAIT_S)
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    seek = consumer.seek_to_beginning if from_start else consumer.seek_to_end
    await seek(*partitions)
