"""The outside of a worker in memory, and the oracle.

The oracle folds the log once, in order, without any of the loop's machinery.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from service.adapters.memory import (
    MemoryLog,
    MemoryPublisher,
    MemorySideEffects,
    MemoryStore,
    StepClock,
)
from service.core import events as ev
from service.core.codec import decode_stored, digest
from service.core.errors import (
    PoisonRecord,
)
from service.core.session import EMPTY, SessionState, fold, is_quiet
from service.core.slates import DeadLetter, Model, Slate
from service.core.wire import decode
from service.processor import Limits, Outside, Processor
from service.ranking import Ranked
from tests.event_makers import T0_MS, item_fact

PARTITIONS = 2


class Crash(Exception):
    """The process is gone, with all it held in memory."""


async def rank(states: Sequence[SessionState], _: Sequence[ev.UserId]) -> list[Ranked]:
    """The loop does not care what is in a slate."""
    return [Ranked((), ("no_candidates",), Model("none", "0")) for _ in states]


@dataclass
class World:
    """The outside of a worker, in memory, which outlives the worker."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(PARTITIONS, batch_records_max=7))
    store: MemoryStore = field(default_factory=MemoryStore)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    side_effects: MemorySideEffects = field(default_factory=MemorySideEffects)
    clock: StepClock = field(default_factory=StepClock)

    def fail(self, port: str, hook: Callable[[str, str], None]) -> None:
        getattr(self, port)._fail = hook

    def worker(self, commit_interval_ms: int = 2) -> Processor:
        outside = Outside(
            log=self.log,
            store=self.store,
            publisher=self.publisher,
            side_effects=self.side_effects,
            clock=self.clock,
            rank=rank,
            model=lambda: Model("none", "0"),
        )
        return Processor(outside, Limits(commit_interval_ms=commit_interval_ms))

    def send(self, event: ev.PlaybackEvent, partition: int | None = None) -> ev.Record:
        home = sum(event.user_id.encode()) % PARTITIONS if partition is None else partition
        broker_ms = max(T0_MS, event.at_ms - 60_000)  # a client's clock may be ahead, by a minute
        return self.log.append(home, event.user_id.encode(), msgspec.json.encode(event), broker_ms)

    @property
    def slates(self) -> list[tuple[str, Slate | None]]:
        return [(u, s) for p in self.publisher.publications for u, s, _ in p.slates]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [letter for p in self.publisher.publications for letter in p.dead_letters]


async def work_to_the_end(world: World) -> None:
    """Run workers until the log is read and committed; a crashed one is replaced by a fresh one."""
    for _ in range(200):
        worker = world.worker()
        try:
            while not world.log.is_read:
                await worker.step()
            await worker.drain()
            return
        except Crash:
            worker.doubt()  # what it was delivering is nobody's any more
            world.log.reassign()
    raise AssertionError("200 crashes")


def states_by_offset(world: World) -> dict[str, dict[int, SessionState]]:
    """The oracle: each user's state after each of their records, folded one by one."""
    states: dict[str, dict[int, SessionState]] = {}
    for record in (record for log in world.log.partitions for record in log):
        with suppress(PoisonRecord):
            event = decode(record)
            history = states.setdefault(event.user_id, {-1: EMPTY})
            before = list(history.values())[-1]
            history[record.offset], _ = fold(before, event, record)
    return states


def check(world: World) -> None:
    """State equals the fold; slates say what the fold says; nobody's last word stays unanswered."""
    states = states_by_offset(world)
    for user, history in states.items():
        last = max(history)
        stored = decode_stored(world.store.values[ev.UserId(user)])
        assert stored.fence.offset == last
        assert stored.state == history[last]
        check_slates(world, user, history)
    for partition, log in enumerate(world.log.partitions):
        assert world.log.committed.get(partition, 0) == len(log)


def check_slates(world: World, user: str, history: dict[int, SessionState]) -> None:
    mine = [slate for u, slate in world.slates if u == user]
    first_seen = list(dict.fromkeys(slate.version for slate in mine if slate))
    assert first_seen == sorted(first_seen), "a version came out after a higher one"
    for slate in mine:
        if slate is not None:
            at = history[slate.source.offset]
            assert (slate.version, slate.state_digest) == (at.version, digest(at))
    loud = [o for o in changed(history) if not quiet_at(world, user, o)]
    if loud:
        answered = max((s.source.offset for s in mine if s), default=-1)
        assert answered >= loud[-1] or mine[-1] is None


def changed(history: dict[int, SessionState]) -> list[int]:
    return [now for before, now in pairwise(history) if history[now] is not history[before]]


def quiet_at(world: World, user: str, offset: int) -> bool:
    record = world.log.partitions[sum(user.encode()) % PARTITIONS][offset]
    return is_quiet(decode(record))


def listen(world: World, users: int = 3, plays: int = 6) -> None:
    """Users who play, skip and like."""
    for n in range(plays):
        for u in range(users):
            about: dict[str, Any] = {"user_id": f"u{u}", "item": f"i{n}", "at_ms": T0_MS + n}
            world.send(item_fact(ev.Started, event_id=f"s{u}-{n}", **about))
            kind = (ev.Skipped, ev.Completed, ev.Progressed)[(u + n) % 3]
            world.send(item_fact(kind, event_id=f"e{u}-{n}", position_ms=9_000, **about))


def crash_once(method: str, when: str) -> Callable[[str, str], None]:
    armed = True

    def hook(called: str, moment: str) -> None:
        nonlocal armed
        if armed and (called, moment) == (method, when):
            armed = False
            raise Crash

    return hook
