"""Twins: every port in memory, with the same answers as the real thing.

Shipped with the service, because tests, replays and simulations run on them. A crash is a value: a
twin raises what its `fail` hook raises, before or after the call takes effect.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from service.core.codec import Stored, decode_stored, encode_stored
from service.core.events import Record, UserId
from service.core.features import CANDIDATE_FEATURES, Features
from service.core.items import F32
from service.core.slates import Model
from service.ports import Answer, Batch, Publication, Report, Write

Hook = Callable[[str, str], None]
"""Called with (method, "before" | "after"); raises to make the call fail at that point."""


def never(method: str, when: str) -> None:
    """The hook of a world without failures."""


class MemoryLog:
    """A topic of one consumer: partitions as lists."""

    def __init__(
        self, partitions: int = 4, batch_records_max: int = 500, fail: Hook = never
    ) -> None:
        self.partitions: list[list[Record]] = [[] for _ in range(partitions)]
        self.committed: dict[int, int] = {}
        self.generation = 0
        self.refuses_commits = False  # as a broker does when the partitions have another owner
        self.lineage = b"memory:1"
        self._positions: Counter[int] = Counter()
        self._batch_records_max = batch_records_max
        self._fail = fail

    def append(self, partition: int, key: bytes | None, value: bytes | None, at_ms: int) -> Record:
        """Add a record at the end of a partition, as the broker would."""
        record = Record(partition, len(self.partitions[partition]), at_ms, key, value)
        self.partitions[partition].append(record)
        return record

    @property
    def is_read(self) -> bool:
        """Whether everything has been polled."""
        return all(self._positions[p] >= len(log) for p, log in enumerate(self.partitions))

    async def poll(self) -> Batch:
        """Take the next records, partition by partition."""
        self._fail("poll", "before")
        records: list[Record] = []
        for partition, log in enumerate(self.partitions):
            room = self._batch_records_max - len(records)
            fresh = log[self._positions[partition] :][:room]
            self._positions[partition] += len(fresh)
            records += fresh
        return Batch(tuple(records), self.generation)

    async def commit(self, next_offsets: Mapping[int, int]) -> bool:
        """Remember the offsets."""
        self._fail("commit", "before")
        if self.refuses_commits:
            return False
        self.committed |= next_offsets
        self._fail("commit", "after")
        return True

    def rewind(self) -> None:
        """Go back to what is committed."""
        self._positions = Counter(self.committed)

    def reassign(self) -> None:
        """Play a rebalance: another owner starts from the committed offsets."""
        self.generation += 1
        self._positions = Counter(self.committed)


class MemoryStore:
    """A key-value store that judges writes as the Redis Function does."""

    def __init__(self, fail: Hook = never) -> None:
        self.values: dict[UserId, bytes] = {}
        self._epochs: Counter[tuple[bytes, int]] = Counter()
        self._fail = fail

    async def claim(self, lineage: bytes, partition: int) -> int:
        """Count up."""
        self._fail("claim", "before")
        self._epochs[lineage, partition] += 1
        return self._epochs[lineage, partition]

    async def get_many(self, user_ids: Sequence[UserId]) -> list[Stored | None]:
        """Decode what is there."""
        self._fail("get_many", "before")
        values = [self.values.get(user_id) for user_id in user_ids]
        return [decode_stored(value) if value is not None else None for value in values]

    async def put_many(self, writes: Sequence[Write]) -> list[Answer]:
        """Judge and write, one by one."""
        self._fail("put_many", "before")
        answers = [self._put(write) for write in writes]
        self._fail("put_many", "after")
        return answers

    def _put(self, write: Write) -> Answer:
        value = self.values.get(write.user_id)
        answer = judge(decode_stored(value) if value is not None else None, write)
        if answer is Answer.OK:
            self.values[write.user_id] = encode_stored(write.new)
        return answer


def judge(stored: Stored | None, write: Write) -> Answer:
    """Say what the store's Function says; the contract suite holds the two together."""
    new, base = write.new.fence, write.base_offset
    if stored is None:
        return Answer.OK if base == -1 else Answer.REGRESSION
    old = stored.fence
    verdicts = (
        (old.lineage != new.lineage, Answer.LINEAGE),
        (old.partition != new.partition, Answer.CONFLICT),
        (new.epoch < old.epoch, Answer.FENCED),
        (new.offset <= old.offset, Answer.DUP),
        (old.offset < base, Answer.REGRESSION),
        (old.offset > base, Answer.CONFLICT),
    )
    return next((answer for holds, answer in verdicts if holds), Answer.OK)


class MemoryPublisher:
    """Keeps what was published, in order."""

    def __init__(self, fail: Hook = never) -> None:
        self.publications: list[Publication] = []
        self._fail = fail

    async def publish(self, publication: Publication) -> None:
        """Append the publication."""
        self._fail("publish", "before")
        self.publications.append(publication)
        self._fail("publish", "after")


class MemorySideEffects:
    """Keeps the reports."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    async def after(self, publication: Publication, report: Report) -> None:
        """Append the report."""
        self.reports.append(report)


class StepClock:
    """A clock that moves a millisecond each time it is read."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._now_ns = start_ms * 1_000_000

    def now_ns(self) -> int:
        """Move on, then tell."""
        self._now_ns += 1_000_000
        return self._now_ns


class PopularityScorer:
    """A scorer without a model: what many complete, this listener will complete."""

    def __init__(self) -> None:
        self._column = list(CANDIDATE_FEATURES).index("popularity")

    @property
    def model(self) -> Model:
        """A name that tells slates made without the ranker."""
        return Model("popularity", "1", "fallback")

    @property
    def heads(self) -> tuple[str, ...]:
        """As the shipped ranker's."""
        return "skip", "complete", "like"

    @property
    def blocks(self) -> tuple[str, ...]:
        """The catalogue alone."""
        return ("base",)

    def score(self, features: Features) -> F32:
        """Read one candidate feature as p(complete)."""
        complete = np.clip(features.candidate[:, self._column], 0, 1)
        return np.stack([1 - complete, complete, np.zeros_like(complete)], axis=1).astype(
            np.float32
        )
