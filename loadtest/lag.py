"""How far the workers are behind, and how many dead letters there are, by asking the broker."""

from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.core.errors import Unavailable
from service.settings import Settings


@dataclass
class LagProbe:
    """Reads offsets of the workers' group, without being a member of it."""

    settings: Settings

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Unavailable: No broker answers.
        """
        kafka = self.settings.kafka
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, group_id=kafka.group, enable_auto_commit=False
        )
        try:
            await self._consumer.start()
            topics = await self._consumer.topics()
            assert self.settings.topics.events in topics, topics
        except KafkaError as error:
            await self._consumer.stop()
            raise Unavailable(f"kafka at {kafka.bootstrap}: {error}") from error
        self._events = self._partitions(self.settings.topics.events)
        self._letters = self._partitions(self.settings.topics.dead_letters)
        self._consumer.assign(self._events)  # without it, nobody looks for the group's coordinator
        self._letters_before = await self._end(self._letters)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def records(self) -> int:
        """Records of the log that no committed offset covers yet."""
        ends = await self._consumer.end_offsets(self._events)
        begins = await self._consumer.beginning_offsets(self._events)
        lag = 0
        for partition in self._events:
            committed = await self._consumer.committed(partition)
            lag += ends[partition] - max(committed or 0, begins[partition])
        return lag

    async def dead_letters(self) -> int:
        """Dead letters since this probe was opened."""
        return await self._end(self._letters) - self._letters_before

    def _partitions(self, topic: str) -> list[TopicPartition]:
        numbers = self._consumer.partitions_for_topic(topic) or set()
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    async def _end(self, partitions: list[TopicPartition]) -> int:
        return sum((await self._consumer.end_offsets(partitions)).values())
