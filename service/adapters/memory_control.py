"""The control topic in memory: the twin of `control_topic.py`."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from service.core.control import AliasMoved, control_key, encode_move
from service.core.events import Record


class MemoryControl:
    """A list of records, and everybody who waits for the next one."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._grown = asyncio.Condition()

    async def past(self) -> list[Record]:
        """Return them all."""
        return list(self.records)

    async def follow(self) -> AsyncIterator[Sequence[Record]]:
        """Yield everything, and what comes."""
        read = 0
        while True:
            async with self._grown:
                await self._grown.wait_for(lambda: len(self.records) > read)  # noqa: B023
            batch, read = self.records[read:], len(self.records)
            yield batch

    async def announce(self, move: AliasMoved) -> None:
        """Append a move."""
        await self.append(control_key(move.alias), encode_move(move), move.at_ms)

    async def append(self, key: bytes | None, value: bytes | None, at_ms: int = 0) -> None:
        """Append any record."""
        async with self._grown:
            self.records.append(Record(0, len(self.records), at_ms, key, value))
            self._grown.notify_all()
