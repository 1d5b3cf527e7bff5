"""The second half of a batch: publish, wait for every acknowledgement, finish, commit.

Runs one batch behind the first half, so that the wait for acknowledgements of one batch is the time
to fold and rank the next. Never more than one: a batch is handed over only when the one before is
out, so slates leave in order and offsets finish in order.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from service.core.errors import StaleWrite
from service.core.events import Record
from service.ports import Clock, EventLog, Publication, Publisher, Report, SideEffects

NS_PER_MS: Final = 1_000_000


class Parcel(Struct, frozen=True):
    """A batch, ready to go out. `report` is asked for once it is out."""

    records: Sequence[Record]
    publication: Publication
    report: Callable[[int], Report]  # published_at_ns -> report


class Delivery:
    """Delivers parcels in order and commits what they finished."""

    def __init__(
        self,
        log: EventLog,
        publisher: Publisher,
        side_effects: SideEffects,
        clock: Clock,
        commit_interval_ms: int,
    ) -> None:
        self._log = log
        self._publisher = publisher
        self._side_effects = side_effects
        self._clock = clock
        self._interval_ns = commit_interval_ms * NS_PER_MS
        self._under_way: asyncio.Task[None] | None = None
        self._finished: dict[int, int] = {}  # partition -> offset after the last finished record
        self._committed_at_ns = 0

    async def hand_over(self, parcel: Parcel) -> None:
        """Wait until the parcel before is out, then send this one off.

        Raises:
            Unavailable, StaleWrite: The one before did not get out, or lost its partitions.
                Neither is finished: rewind.
        """
        await self.settle()
        self._under_way = asyncio.create_task(self._deliver(parcel, self._finished))

    async def settle(self) -> None:
        """Wait until nothing is under way.

        Raises:
            Unavailable: What was under way did not get out.
            StaleWrite: Its commit was refused: the partitions have another owner.
        """
        if self._under_way is not None:
            task, self._under_way = self._under_way, None
            await task

    async def rest(self) -> None:
        """Use a quiet moment: see the parcel under way out, and commit when it is time.

        Raises:
            Unavailable, StaleWrite: As `settle` says.
        """
        await self.settle()
        await self._commit_if_due(self._finished)

    async def close(self) -> None:
        """Deliver what is under way and commit all that is finished."""
        await self.settle()
        with suppress(StaleWrite):  # whoever has the partitions now repeats what is uncommitted
            await self._commit(self._finished)

    def forget(self) -> None:
        """Let go of what is under way: it may still get out, but finishes nothing any more."""
        if self._under_way is not None:
            self._under_way.add_done_callback(_look_away)
            self._under_way = None
        self._finished = {}

    async def _deliver(self, parcel: Parcel, finished: dict[int, int]) -> None:
        await self._publisher.publish(parcel.publication)
        report = parcel.report(self._clock.now_ns())
        for record in parcel.records:
            finished[record.partition] = max(finished.get(record.partition, 0), record.offset + 1)
        await self._side_effects.after(parcel.publication, report)
        await self._commit_if_due(finished)

    async def _commit_if_due(self, finished: dict[int, int]) -> None:
        if self._clock.now_ns() - self._committed_at_ns >= self._interval_ns:
            await self._commit(finished)

    async def _commit(self, finished: dict[int, int]) -> None:
        offsets = dict(finished)
        finished.clear()
        self._committed_at_ns = self._clock.now_ns()
        if offsets and not await self._log.commit(offsets):
            raise StaleWrite(f"commit of {offsets} was refused: the partitions have another owner")


def _look_away(task: asyncio.Task[None]) -> None:
    """The failure of a delivery nobody waits for is no news: its records come again."""
    if not task.cancelled():
        task.exception()
