"""Slates from Kafka, newest per user: one consumer without a group, on all partitions.

Without a group nothing is committed: a restart reads the topic again from its start, which
compaction keeps at about one slate per user, and ends up with the same slates. A reader that shares
the work with others uses a group of its own and `Newest` in the same way.
"""

from collections.abc import AsyncGenerator, Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from service.client.newest import Deleted, Newest
from service.core.slates import Slate

TOPIC: Final = "nowplaying.slates.v1"


async def newest_slates(
    bootstrap: str,
    users: Collection[str] | None = None,
    *,
    topic: str = TOPIC,
    from_start: bool = True,
    **kafka: Any,
) -> AsyncGenerator[Slate | Deleted, None]:
    """Yield every slate that is newer than the last one of its user, and every deletion.

    Args:
        bootstrap: `host:port` of the brokers, comma separated.
        users: Only these users; all of them if None.
        topic: Where the slates are.
        from_start: Begin with the latest slate of each user; False begins with what comes next.
        kafka: More settings for the consumer (`security_protocol`, `ssl_context`, ...).

    Raises:
        aiokafka.errors.KafkaError: No broker answers at the start, or there is no such topic. Later
            outages are waited out.
    """
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest" if from_start else "latest",
        **kafka,
    )
    await consumer.start()
    try:
        newest = Newest()
        async for record in consumer:
            if users is not None and (record.key or b"").decode("utf-8", "replace") not in users:
                continue
            news = newest.take(record.key, record.value, record.headers)
            if news is not None:
                yield news
    finally:
        await consumer.stop()
