"""The worker's loop. The order is the guarantee.

    1. poll       whatever is there
    2. decode     what cannot be read becomes a dead letter
    3. load       the users' states, from the cache or the store
    4. fold       all events of a user at once
    5. store      compare-and-set, beside
       rank       one call for all users
    6. publish    slates, outcomes, dead letters; wait for every acknowledgement
    7. side effects, which may be lost
    8. commit     offsets of finished batches, every so often

Steps 6 to 8 run one batch behind (delivery.py): while one batch waits for its acknowledgements, the
next is folded and ranked. It is not handed over before the one in front of it is out.

A crash anywhere repeats records from the last commit. What was stored already is not folded again
(the offset in the state says so) but answered again, because its slate may never have gone out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from service.core.codec import Fence, Stored
from service.core.errors import Fenced, PoisonRecord, Refused, StaleWrite
from service.core.events import Record, UserId
from service.core.letters import dead_letter
from service.core.session import SessionState
from service.core.slates import DeadLetter, Model
from service.core.turn import Entry, Turn, take_turn
from service.core.wire import decode
from service.delivery import Delivery, Parcel
from service.outbox import Stamp, due_turns, publication_of, report_of
from service.ports import (
    Answer,
    Batch,
    Clock,
    EventLog,
    Publisher,
    SessionStore,
    SideEffects,
    Trace,
    Write,
)
from service.ranking import Ranked
from service.state_cache import StateCache

Rank = Callable[[Sequence[SessionState], Sequence[UserId]], Awaitable[list[Ranked]]]
"""States of living users and whose they are, in; one slate each, in their order, out."""


@dataclass(frozen=True)
class Outside:
    """The processor's ports."""

    log: EventLog
    store: SessionStore
    publisher: Publisher
    side_effects: SideEffects
    clock: Clock
    rank: Rank
    model: Callable[[], Model]


@dataclass(frozen=True)
class Limits:
    """What the processor is configured with."""

    events_topic: str = "playback.events.v1"
    slate_ttl_ms: int = 600_000
    commit_interval_ms: int = 250
    cache_users_max: int = 50_000


@dataclass
class Processor:
    """One worker between polls: what is cached, which epochs it holds, what is uncommitted."""

    outside: Outside
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Start with nothing believed."""
        self._cache = StateCache(self.limits.cache_users_max)
        self._epochs: dict[int, int] = {}
        self._generation = -1
        outside = self.outside
        self._delivery = Delivery(
            outside.log,
            outside.publisher,
            outside.side_effects,
            outside.clock,
            self.limits.commit_interval_ms,
        )

    async def step(self) -> int:
        """Work on one poll, and hand it over for delivery. Returns the number of records read.

        Raises:
            Unavailable, StaleWrite: Nothing is lost: call `doubt`, rewind the log, try again.
        """
        batch = await self.outside.log.poll()
        self._notice(batch.generation)
        if batch.records:
            await self._delivery.hand_over(await self._work(batch))
        else:
            await self._delivery.rest()
        return len(batch.records)

    async def drain(self) -> None:
        """Deliver and commit what was worked on. Called once, after the last step."""
        await self._delivery.close()

    def doubt(self) -> None:
        """Forget everything believed: after any failure the log and the store are asked again."""
        self._cache.clear()
        self._epochs.clear()
        self._delivery.forget()

    def _notice(self, generation: int) -> None:
        if generation != self._generation:
            self.doubt()
            self._generation = generation

    async def _work(self, batch: Batch) -> Parcel:
        entries, letters = self._decode(batch.records)
        turns = await self._fold(entries)
        letters += [self._letter(r, p) for turn in turns for r, p in turn.misrouted]
        (answers, stored_at_ns), (ranked, ranked_at_ns) = await asyncio.gather(
            self._store(turns), self._rank(turns)
        )
        trace = Trace(
            polled_at_ns=batch.polled_at_ns, stored_at_ns=stored_at_ns, ranked_at_ns=ranked_at_ns
        )
        stamp = Stamp(
            model=self.outside.model(),
            generated_at_ms=self.outside.clock.now_ns() // 1_000_000,
            ttl_ms=self.limits.slate_ttl_ms,
            trace=trace,
        )
        publication = publication_of(turns, ranked, letters, stamp)
        return Parcel(batch.records, publication, partial(report_of, turns, answers, publication))

    def _decode(self, records: Sequence[Record]) -> tuple[list[Entry], list[DeadLetter]]:
        entries, letters = [], []
        for record in records:
            try:
                entries.append(Entry(record, decode(record)))
            except PoisonRecord as poison:
                letters.append(self._letter(record, poison))
        return entries, letters

    def _letter(self, record: Record, poison: PoisonRecord) -> DeadLetter:
        now_ms = self.outside.clock.now_ns() // 1_000_000
        return dead_letter(record, poison, self.limits.events_topic, now_ms)

    async def _fold(self, entries: Sequence[Entry]) -> list[Turn]:
        groups: dict[tuple[UserId, int], list[Entry]] = {}
        for entry in entries:
            groups.setdefault((entry.event.user_id, entry.record.partition), []).append(entry)
        await self._claim({partition for _, partition in groups})
        stored = await self._load([user for user, _ in groups])
        lineage = self.outside.log.lineage
        turns = []
        for (user, partition), mine in groups.items():
            owner = Fence(lineage, partition, self._epochs[partition], -1)
            turn = take_turn(user, stored.get(user), mine, owner)
            if turn.stored:
                stored[user] = turn.stored
            turns.append(turn)
        return turns

    async def _claim(self, partitions: set[int]) -> None:
        """Take an epoch for partitions that are new to this worker, on their first record."""
        for partition in partitions - self._epochs.keys():
            self._epochs[partition] = await self.outside.store.claim(
                self.outside.log.lineage, partition
            )

    async def _load(self, users: Sequence[UserId]) -> dict[UserId, Stored]:
        known = {user: state for user in users if (state := self._cache.get(user))}
        missing = [user for user in dict.fromkeys(users) if user not in known]
        if missing:
            for user, stored in zip(
                missing, await self.outside.store.get_many(missing), strict=True
            ):
                if stored:
                    self._check_lineage(user, stored)
                    known[user] = stored
        return known

    def _check_lineage(self, user: UserId, stored: Stored) -> None:
        if stored.fence.lineage != self.outside.log.lineage:
            raise Refused(
                f"session:{{{user}}} was folded from another {self.limits.events_topic} (lineage"
                f" {stored.fence.lineage.hex()}, this topic is {self.outside.log.lineage.hex()}):"
                " its offsets mean nothing here; point redis.url at its own store, or an empty one"
            )

    async def _store(self, turns: Sequence[Turn]) -> tuple[list[Answer], int]:
        writes = [
            Write(turn.user_id, turn.base.fence.offset if turn.base else -1, turn.new)
            for turn in turns
            if turn.new
        ]
        answers = await self.outside.store.put_many(writes) if writes else []
        for write, answer in zip(writes, answers, strict=True):
            self._take_answer(write, answer)
        return answers, self.outside.clock.now_ns()

    def _take_answer(self, write: Write, answer: Answer) -> None:
        fence = write.new.fence
        match answer:
            case Answer.OK:
                self._cache.put(write.user_id, write.new)
            case Answer.DUP:
                self._cache.drop(
                    write.user_id
                )  # somebody is at or past us: read it again next time
            case Answer.FENCED:
                raise Fenced(
                    f"partition {fence.partition} has a younger owner than epoch {fence.epoch};"
                    " dropping the batch"
                )
            case _:
                raise StaleWrite(
                    f"session {write.user_id} is not at offset {write.base_offset} any more"
                    f" ({answer}); folding again from the log"
                )

    async def _rank(self, turns: Sequence[Turn]) -> tuple[list[Ranked], int]:
        due = [
            (turn.stored.state, turn.user_id)
            for turn in due_turns(turns)
            if turn.stored and not turn.stored.state.is_deleted
        ]
        states, users = [state for state, _ in due], [user for _, user in due]
        ranked = await self.outside.rank(states, users) if due else []
        return ranked, self.outside.clock.now_ns()
