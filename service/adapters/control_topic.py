"""The control topic on Kafka: read from its beginning, without a group: every worker hears all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from service.adapters.log_reader import LogReader
from service.adapters.record_writer import RawRecord, RecordWriter
from service.core.control import AliasMoved, control_key, encode_move
from service.core.errors import Unavailable
from service.core.events import Record

_TIMEOUT_S: Final = 15.0


class KafkaControl:
    """News of the aliases over one topic."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic

    async def past(self) -> list[Record]:
        """Read it to its end as of now."""
        async with LogReader(self._bootstrap, self._topic) as reader:
            return [record async for batch in reader.read() for record in batch]

    async def follow(self) -> AsyncIterator[Sequence[Record]]:
        """Yield everything, and what comes."""
        async with LogReader(self._bootstrap, self._topic) as reader:
            async for batch in reader.follow(from_start=True):
                yield batch

    async def announce(self, move: AliasMoved) -> None:
        """Append a move under its alias's key."""
        record = RawRecord(control_key(move.alias), encode_move(move))
        try:
            async with asyncio.timeout(_TIMEOUT_S), RecordWriter(self._bootstrap) as writer:
                await writer.write(self._topic, [record])
        except TimeoutError:
            raise Unavailable(
                f"kafka at {self._bootstrap} did not take a record for {self._topic} in"
                f" {_TIMEOUT_S:.0f} s; see `segue doctor`"
            ) from None
