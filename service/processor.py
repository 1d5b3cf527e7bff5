"""The worker's loop. The order is the guarantee.

    1. poll       whatever is there
    2. decode     what cannot be read becomes a dead letter
    3. load       the users' states, from the cache or the store
    4. fold       all events of a user at once
    5. store      compare-and-set, beside
       rank       one call for all users
    6. publish    slates, outcomes, dead letters; wait for every acknowledgement
    7. commit     offsets of finished batches, every so often
    8. side effects, which may be lost

A crash anywhere repeats records from the last commit. What was stored already is not folded again
(the offset in the state says so) but answered again, because its slate may never have gone out.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from service.core.codec import Fence, Stored, digest
from service.core.errors import Fenced, PoisonRecord, Refused, StaleWrite
from service.core.events import Record, UserId
from service.core.session import SessionState
from service.core.slates import DeadLetter, Model, OutcomeBatch, Slate, Source
from service.core.turn import Entry, Turn, take_turn
from service.core.wire import RECORD_MAX_BYTES, decode
from service.ports import (
    Answer,
    Batch,
    Clock,
    EventLog,
    Publication,
    Publisher,
    Report,
    SessionStore,
    SideEffects,
    Trace,
    Write,
)
from service.ranking import Ranked
from service.state_cache import StateCache

Rank = Callable[[Sequence[SessionState]], Awaitable[list[Ranked]]]


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
        self._finished: dict[int, int] = {}  # partition -> offset after the last finished record
        self._committed_at_ns = 0

    async def step(self) -> int:
        """Process one poll to completion. Returns the number of records read.

        Raises:
            Unavailable, StaleWrite: Nothing is lost: call `doubt`, rewind the log, try again.
        """
        batch = await self.outside.log.poll()
        self._notice(batch.generation)
        if batch.records:
            await self._process(batch)
        await self._commit_if_due()
        return len(batch.records)

    async def drain(self) -> None:
        """Commit what is finished. Called once, after the last step."""
        await self._commit()

    def doubt(self) -> None:
        """Forget everything believed: after any failure the log and the store are asked again."""
        self._cache.clear()
        self._epochs.clear()
        self._finished.clear()

    def _notice(self, generation: int) -> None:
        if generation != self._generation:
            self.doubt()
            self._generation = generation

    async def _process(self, batch: Batch) -> None:
        entries, letters = self._decode(batch.records)
        turns = await self._fold(entries)
        letters += [self._letter(r, p) for turn in turns for r, p in turn.misrouted]
        due = [turn for turn in turns if turn.reason and turn.stored]
        alive = [t.stored.state for t in due if t.stored and not t.stored.state.is_deleted]
        (answers, stored_at_ns), (ranked, ranked_at_ns) = await asyncio.gather(
            self._store(turns), self._rank(alive)
        )
        trace = Trace(
            polled_at_ns=batch.polled_at_ns, stored_at_ns=stored_at_ns, ranked_at_ns=ranked_at_ns
        )
        publication = Publication(
            slates=self._slates(due, ranked, trace),
            outcomes=self._outcomes(turns),
            dead_letters=letters,
        )
        await self.outside.publisher.publish(publication)
        self._finish(batch.records)
        report = _report(batch, turns, answers, publication, self.outside.clock.now_ns())
        await self.outside.side_effects.after(publication, report)

    def _decode(self, records: Sequence[Record]) -> tuple[list[Entry], list[DeadLetter]]:
        entries, letters = [], []
        for record in records:
            try:
                entries.append(Entry(record, decode(record)))
            except PoisonRecord as poison:
                letters.append(self._letter(record, poison))
        return entries, letters

    def _letter(self, record: Record, poison: PoisonRecord) -> DeadLetter:
        return DeadLetter(
            topic=self.limits.events_topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            key=record.key,
            value=record.value[:RECORD_MAX_BYTES] if record.value is not None else None,
            headers=record.headers,
            kind=poison.kind,
            message=str(poison),
            attempt=1,
            first_failed_at_ms=self.outside.clock.now_ns() // 1_000_000,
        )

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

    async def _rank(self, states: Sequence[SessionState]) -> tuple[list[Ranked], int]:
        ranked = await self.outside.rank(states) if states else []
        return ranked, self.outside.clock.now_ns()

    def _slates(
        self, due: Sequence[Turn], ranked: Sequence[Ranked], trace: Trace
    ) -> list[tuple[UserId, Slate | None, Trace]]:
        fresh = iter(ranked)
        slates: list[tuple[UserId, Slate | None, Trace]] = []
        for turn in due:
            assert turn.stored
            assert turn.trigger
            gone = turn.stored.state.is_deleted
            slate = None if gone else self._slate(turn, turn.stored, next(fresh))
            version = turn.stored.state.version
            slates.append((turn.user_id, slate, _trace(trace, version, turn.trigger.record)))
        return slates

    def _slate(self, turn: Turn, stored: Stored, ranked: Ranked) -> Slate:
        assert turn.trigger
        assert turn.reason
        return Slate(
            user_id=turn.user_id,
            session_id=stored.state.session_id,
            version=stored.state.version,
            source=Source(stored.fence.partition, stored.state.source_offset),
            state_digest=digest(stored.state),
            trigger_event_id=turn.trigger.event.event_id,
            reason=turn.reason,
            generated_at_ms=self.outside.clock.now_ns() // 1_000_000,
            ttl_ms=self.limits.slate_ttl_ms,
            model=self.outside.model(),
            degraded=ranked.degraded,
            items=ranked.items,
        )

    def _outcomes(self, turns: Sequence[Turn]) -> list[OutcomeBatch]:
        by_partition: dict[int, list[Turn]] = {}
        for turn in turns:
            if turn.outcomes and turn.stored:
                by_partition.setdefault(turn.stored.fence.partition, []).append(turn)
        model = self.outside.model()
        return [
            OutcomeBatch(
                partition=partition,
                model=model,
                outcomes=tuple(outcome for turn in mine for outcome in turn.outcomes),
            )
            for partition, mine in by_partition.items()
        ]

    def _finish(self, records: Sequence[Record]) -> None:
        for record in records:
            done = self._finished.get(record.partition, 0)
            self._finished[record.partition] = max(done, record.offset + 1)

    async def _commit_if_due(self) -> None:
        since_ns = self.outside.clock.now_ns() - self._committed_at_ns
        if self._finished and since_ns >= self.limits.commit_interval_ms * 1_000_000:
            await self._commit()

    async def _commit(self) -> None:
        offsets: Mapping[int, int] = dict(self._finished)
        if offsets and not await self.outside.log.commit(offsets):
            self.doubt()
        self._finished.clear()
        self._committed_at_ns = self.outside.clock.now_ns()


def _trace(common: Trace, version: int, record: Record) -> Trace:
    headers = dict(record.headers)
    return Trace(
        version=version,
        traceparent=headers.get("traceparent"),
        sent_at_ns=headers.get("segue.sent_at_ns"),
        appended_at_ms=record.timestamp_ms,
        polled_at_ns=common.polled_at_ns,
        stored_at_ns=common.stored_at_ns,
        ranked_at_ns=common.ranked_at_ns,
    )


def _report(
    batch: Batch,
    turns: Sequence[Turn],
    answers: Sequence[Answer],
    publication: Publication,
    published_at_ns: int,
) -> Report:
    return Report(
        records=len(batch.records),
        users=len(turns),
        slates=Counter(turn.reason for turn in turns if turn.reason),
        dead_letters=Counter(letter.kind for letter in publication.dead_letters),
        ignored=sum((Counter(turn.ignored) for turn in turns), Counter()),
        answers=Counter(str(answer) for answer in answers),
        traces=tuple(trace for _, _, trace in publication.slates),
        published_at_ns=published_at_ns,
    )
