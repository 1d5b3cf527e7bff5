"""What a Kafka cluster says about itself: brokers, topics and their settings, consumer groups.

Questions only; nothing is created or changed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
)

from service.adapters.kafka import lineage_of
from service.core.errors import Refused, Unavailable

_COORDINATOR_TRIES: Final = 40
_COORDINATOR_WAIT_S: Final = 0.25
_NOT_YET: Final = (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker as the cluster advertises it."""

    node_id: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group."""

    state: str  # Stable, Empty, PreparingRebalance, CompletingRebalance, Dead
    members: int


class Cluster:
    """One connected admin client."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="segue-ops")

    @classmethod
    @asynccontextmanager
    async def open(cls, bootstrap: str) -> "AsyncIterator[Cluster]":
        """Connect, and disconnect on leaving.

        Raises:
            Unavailable: No broker answers.
        """
        cluster = cls(bootstrap)
        try:
            await cluster._ask(cluster._admin.start())
            yield cluster
        finally:
            await cluster._admin.close()

    async def brokers(self) -> list[Broker]:
        """Return every broker under its advertised address."""
        cluster = await self._ask(self._admin.describe_cluster())
        return [Broker(b["node_id"], b["host"], b["port"]) for b in cluster["brokers"]]

    async def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Return how many partitions each topic has; 0 when it does not exist."""
        described = await self._ask(self._admin.describe_topics(list(topics)))
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def configs(self, topic: str) -> dict[str, str]:
        """Return the topic's settings in force; empty when the broker does not tell."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        (answer,) = await self._ask(self._admin.describe_configs([resource]))
        return {str(entry[0]): str(entry[1]) for found in answer.resources for entry in found[4]}

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's committed offsets, by partition, where there are any."""
        count = (await self.partitions([topic])).get(topic, 0)
        asked = [TopicPartition(topic, number) for number in range(count)]  # a mock knows no "all"
        offsets: dict[TopicPartition, Any] = await self._ask_coordinator(
            lambda: self._admin.list_consumer_group_offsets(group, partitions=asked)
        )
        return {tp.partition: found.offset for tp, found in offsets.items() if found.offset >= 0}

    async def group(self, group: str) -> Group:
        """Return the group's state and how many members it has."""
        (answer,) = await self._ask_coordinator(
            lambda: self._admin.describe_consumer_groups([group])
        )
        _, _, state, _, _, members, *_ = answer.groups[0]
        return Group(str(state), len(members))

    async def lineage(self, topic: str) -> bytes:
        """Return the lineage that workers write into states folded from this topic.

        Raises:
            Refused: The topic does not exist.
        """
        partitions = (await self.partitions([topic])).get(topic, 0)
        if not partitions:
            raise Refused(f"there is no topic {topic} at {self._bootstrap}; `segue up` makes it")
        cluster = await self._ask(self._admin.describe_cluster())
        return lineage_of(str(cluster.get("cluster_id")), topic, partitions)

    async def _ask_coordinator(self, question: Callable[[], Any]) -> Any:
        """Ask again while the broker still makes its offsets topic: the first asker starts that."""
        for _ in range(_COORDINATOR_TRIES):
            try:
                return await question()
            except _NOT_YET:
                await asyncio.sleep(_COORDINATOR_WAIT_S)
            except KafkaError as error:
                raise self._unavailable(error) from error
        return await self._ask(question())

    async def _ask(self, answer: Any) -> Any:
        try:
            return await answer
        except KafkaError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: KafkaError) -> Unavailable:
        return Unavailable(f"kafka at {self._bootstrap}: {error}; see `segue doctor`")
