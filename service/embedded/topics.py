"""Make the topics the service needs, and wait until the broker serves them.

A topic that exists is left as it is: on somebody's own cluster its settings are theirs. It does
not know how the broker was started.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from service.embedded.kafka_config import RECORD_BYTES_MAX
from service.embedded.steps import StepFailed
from service.settings import Settings

_READY_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.1
_DAY_MS: Final = 24 * 3600 * 1000
_REPLICAS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to make if it is missing."""

    name: str
    partitions: int
    configs: dict[str, str] = field(default_factory=dict)


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Return the five topics of the service, in the order of the data's way through it."""
    topics, partitions = settings.topics, settings.kafka.partitions
    large = {"max.message.bytes": str(RECORD_BYTES_MAX)}
    return [
        # The broker's clock stamps events: the fold must not depend on a producer's.
        TopicSpec(topics.events, partitions, {"message.timestamp.type": "LogAppendTime", **large}),
        # Compacted, so that a new consumer finds everybody's latest; deleted, to stay bounded.
        TopicSpec(
            topics.slates,
            partitions,
            {"cleanup.policy": "compact,delete", "retention.ms": str(7 * _DAY_MS)},
        ),
        TopicSpec(topics.outcomes, partitions),
        TopicSpec(topics.dead_letters, partitions, large),
        TopicSpec(topics.control, 1, {"cleanup.policy": "compact"}),
    ]


async def create_topics(bootstrap: str, specs: list[TopicSpec]) -> list[str]:
    """Make what is missing; return the names of the topics that were made.

    Raises:
        StepFailed: The broker refused one.
    """
    async with _admin(bootstrap) as admin:
        brokers = (await admin.describe_cluster())["brokers"]
        replicas = min(_REPLICAS_MAX, len(brokers))
        wanted = [
            NewTopic(spec.name, spec.partitions, replicas, topic_configs=spec.configs)
            for spec in specs
        ]
        answer = await admin.create_topics(wanted)
    made = []
    for name, code, reason in ((row[0], row[1], row[2]) for row in answer.topic_errors):
        if code == 0:
            made.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise StepFailed(
                what=f"the broker refused to create topic {name}",
                why=f"{for_code(code).__name__}: {reason or 'no reason given'}",
                remedy="create it by hand, or give the account the right to create topics",
            )
    return made


async def wait_for_topics(bootstrap: str, specs: list[TopicSpec]) -> dict[str, int]:
    """Wait until every topic has its leaders; return how many partitions each has.

    Asking for a topic creates it on a mock cluster, which knows no other way.

    Raises:
        StepFailed: The time is up.
    """
    deadline = time.monotonic() + _READY_TIMEOUT_S
    found: dict[str, int] = {}
    async with _producer(bootstrap) as producer:
        for spec in specs:
            while not (partitions := await _partitions(producer, spec.name)):
                _check(deadline, f"topic {spec.name} has no leader")
                await asyncio.sleep(_POLL_S)
            found[spec.name] = partitions
    return found


async def touch_coordinator(bootstrap: str, group: str, topic: str) -> None:
    """Make the broker ready for consumer groups, so that the first worker joins at once.

    Args:
        bootstrap: The broker.
        group: The workers' consumer group; its coordinator is the one that gets ready.
        topic: Any topic that exists.

    Raises:
        StepFailed: The time is up.
    """
    deadline = time.monotonic() + _READY_TIMEOUT_S
    with _quiet():
        async with _admin(bootstrap) as admin:
            while not await _coordinates(admin, group, topic):
                _check(deadline, f"no coordinator for group {group}")
                await asyncio.sleep(_POLL_S)


async def _coordinates(admin: AIOKafkaAdminClient, group: str, topic: str) -> bool:
    try:
        await admin.list_consumer_group_offsets(group, partitions=[TopicPartition(topic, 0)])
    except KafkaError:
        return False
    return True


async def _partitions(producer: AIOKafkaProducer, topic: str) -> int:
    try:
        return len(await producer.partitions_for(topic))
    except KafkaError:
        return 0


def _check(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise StepFailed(
            what=f"{what} after {_READY_TIMEOUT_S:.0f} s",
            why="the broker answers, but does not serve it",
            remedy="look into the broker's log; with an embedded broker, .segue/logs/kafka.log",
        )


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="segue-setup")
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    with _quiet():
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, client_id="segue-setup")
        try:
            await producer.start()
            yield producer
        finally:
            await producer.stop()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide aiokafka's warnings about what is not there yet: waiting for it is our job here."""
    logger = logging.getLogger("aiokafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
