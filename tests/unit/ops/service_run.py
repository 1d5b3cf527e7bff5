"""A run of the real processor over twins, and the ledger of what came out of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from service.adapters.kafka import dead_letter_headers
from service.adapters.memory import (
    MemoryLog,
    MemoryPublisher,
    MemorySideEffects,
    MemoryStore,
    StepClock,
)
from service.core.events import PlaybackEvent, Record, UserId
from service.core.session import SessionState
from service.core.slates import Model
from service.ops.ledger import Ledger, LogFacts
from service.processor import Outside, Processor
from service.ranking import Ranked
from tests.event_makers import T0_MS

TOPIC = "playback.events.v1"


@dataclass
class ServiceRun:
    """Everything a run left behind; tests spoil it and see whether the ledger notices."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(partitions=2, batch_records_max=7))
    store: MemoryStore = field(default_factory=MemoryStore)
    slates: list[Record] = field(default_factory=list)
    letters: list[Record] = field(default_factory=list)
    now_ms: int = T0_MS

    def append(self, event: PlaybackEvent, partition: int = 0) -> Record:
        return self.log.append(
            partition, event.user_id.encode(), msgspec.json.encode(event), event.at_ms
        )

    def process(self) -> "ServiceRun":
        """Work the log off, as one worker, and keep what was published as records."""
        publisher = MemoryPublisher()
        outside = Outside(
            log=self.log,
            store=self.store,
            publisher=publisher,
            side_effects=MemorySideEffects(),
            clock=StepClock(),
            rank=_no_items,
            model=lambda: Model("none", "1"),
        )
        asyncio.run(_drain(Processor(outside), self.log))
        for publication in publisher.publications:
            for user_id, slate, _ in publication.slates:
                value = None if slate is None else msgspec.json.encode(slate)
                self.slates.append(self._output(self.slates, user_id.encode(), value))
            for letter in publication.dead_letters:
                headers = (*letter.headers, *dead_letter_headers(letter))
                record = self._output(self.letters, letter.key, letter.value)
                self.letters.append(msgspec.structs.replace(record, headers=headers))
        return self

    def ledger(self, **changes: object) -> Ledger:
        """Read everything back, as `segue verify` does."""
        ends = {p: len(records) for p, records in enumerate(self.log.partitions)}
        facts = LogFacts(
            topic=TOPIC,
            lineage=self.log.lineage,
            begins=dict.fromkeys(ends, 0),
            ends=ends,
            committed=dict(self.log.committed),
            session_ttl_ms=7 * 24 * 3600 * 1000,
            now_ms=self.now_ms,
        )
        ledger = Ledger(replace(facts, **changes))  # type: ignore[arg-type]
        for record in self.slates:
            ledger.slates.take(record)
        for record in self.letters:
            ledger.letters.take(record)
        for user_id, value in self.store.values.items():
            ledger.take_state(user_id, value)
        for records in self.log.partitions:
            for record in records:
                ledger.take_input(record)
        ledger.close()
        return ledger

    def _output(self, topic: list[Record], key: bytes | None, value: bytes | None) -> Record:
        return Record(0, len(topic), self.now_ms, key, value)


async def _drain(processor: Processor, log: MemoryLog) -> None:
    while not log.is_read:
        await processor.step()
    await processor.drain()


async def _no_items(states: Sequence[SessionState], _: Sequence[UserId]) -> list[Ranked]:
    return [Ranked((), (), Model("none", "0")) for _ in states]
