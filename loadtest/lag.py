"""How far the workers are behind, and how many dead letters there are, by asking the broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.adapters.cluster import Cluster
from service.adapters.log_reader import LogReader
from service.settings import Settings


@dataclass
class LagProbe:
    """Reads offsets, without being a member of the workers' group."""

    settings: Settings
    cluster: Cluster
    events: LogReader
    letters: LogReader
    letters_before: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> "AsyncIterator[LagProbe]":
        """Connect; dead letters count from now.

        Raises:
            Unavailable: No broker answers.
        """
        bootstrap, topics = settings.kafka.bootstrap, settings.topics
        async with (
            Cluster.open(bootstrap) as cluster,
            LogReader(bootstrap, topics.events) as events,
            LogReader(bootstrap, topics.dead_letters) as letters,
        ):
            probe = cls(settings, cluster, events, letters)
            probe.letters_before = sum((await letters.ends()).values())
            yield probe

    async def records(self) -> int:
        """Records of the log that no committed offset covers yet."""
        ends, begins = await self.events.ends(), await self.events.begins()
        kafka, topic = self.settings.kafka, self.settings.topics.events
        committed = await self.cluster.committed(kafka.group, topic)
        return sum(end - max(committed.get(p, 0), begins[p]) for p, end in ends.items())

    async def dead_letters(self) -> int:
        """Dead letters since this probe was opened."""
        return sum((await self.letters.ends()).values()) - self.letters_before
