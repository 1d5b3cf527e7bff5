"""What the processor needs of the world, in its own words. Plural: the batch is the unit.

Every port has a real adapter and a twin in memory (`adapters/memory.py`); both pass the same suite.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from service.core.candidates import Candidates
from service.core.codec import Stored
from service.core.events import Record, UserId
from service.core.features import Features
from service.core.items import F32
from service.core.sessions import SessionBatch
from service.core.slates import DeadLetter, Model, OutcomeBatch, Slate


class Batch(Struct, frozen=True, gc=False):
    """What one poll brought. `generation` changes when partitions may have changed hands."""

    records: tuple[Record, ...]
    generation: int
    polled_at_ns: int = 0


class EventLog(Protocol):
    """The input log, read in offset order per partition."""

    @property
    def lineage(self) -> bytes:
        """8 bytes that name this incarnation of the topic, the one its offsets belong to."""
        ...

    async def poll(self) -> Batch:
        """Wait for records and return what is there, at most one batch, possibly nothing.

        Raises:
            Unavailable: The broker cannot be reached, or the assignment is in flux.
        """
        ...

    async def commit(self, next_offsets: Mapping[int, int]) -> bool:
        """Commit, by partition, the offset after the last finished record.

        Returns:
            False when the partitions are not ours any more: drop what is cached and go on.
        """
        ...

    def rewind(self) -> None:
        """Make the next poll start from the committed offsets: repeat what was not finished."""
        ...


class Answer(StrEnum):
    """What the store said to a write."""

    OK = "OK"
    DUP = "DUP"  # the stored state already covers this offset: fine, it was written before
    FENCED = "FENCED"  # a younger owner wrote: this worker lost the partition
    CONFLICT = "CONFLICT"  # the stored state is not the one this write was made from
    REGRESSION = "REGRESSION"  # the store went back in time (lost writes): fold again from the log
    LINEAGE = "LINEAGE"  # the stored state belongs to another incarnation of the topic


class Write(Struct, frozen=True, gc=False):
    """Replace a user's state, if the store still holds the one it was made from."""

    user_id: UserId
    base_offset: int  # fence offset of the state that was read; -1 if there was none
    new: Stored


class SessionStore(Protocol):
    """Session states by user. State changes only through `put_many`."""

    async def claim(self, lineage: bytes, partition: int) -> int:
        """Return a new epoch for the partition, larger than any before: older owners are out."""
        ...

    async def get_many(self, user_ids: Sequence[UserId]) -> list[Stored | None]:
        """Return the stored states, None for users without one.

        Raises:
            Unavailable: The store did not answer.
            StaleWrite: A stored value does not decode.
        """
        ...

    async def put_many(self, writes: Sequence[Write]) -> list[Answer]:
        """Compare and set, each user alone; one answer per write.

        Raises:
            Unavailable: The store did not answer; which writes took effect is unknown, and safe to
            repeat.
        """
        ...


class Trace(Struct, frozen=True, kw_only=True, gc=False):
    """Version and times along the way of the event that caused a slate; they go out as headers.

    The version is a header too because a deleted user's record has no body to say it.
    """

    version: int = 0
    traceparent: bytes | None = None
    sent_at_ns: bytes | None = None
    appended_at_ms: int = 0
    polled_at_ns: int = 0
    stored_at_ns: int = 0
    ranked_at_ns: int = 0


class Publication(Struct, frozen=True, kw_only=True):
    """Everything one batch has to say.

    `slates` pairs a slate (None: the user is deleted) with its trace.
    """

    slates: Sequence[tuple[UserId, Slate | None, Trace]] = ()
    outcomes: Sequence[OutcomeBatch] = ()
    dead_letters: Sequence[DeadLetter] = ()


class Publisher(Protocol):
    """The output topics."""

    async def publish(self, publication: Publication) -> None:
        """Publish all of it and return once the broker has acknowledged every record.

        Raises:
            Unavailable: Not everything was acknowledged; publish the whole again.
        """
        ...


class Report(Struct, frozen=True, kw_only=True):
    """What one batch came to, for metrics: one report a batch, never work per event."""

    records: int
    users: int
    slates: Mapping[str, int]  # by reason
    dead_letters: Mapping[str, int]  # by kind
    ignored: Mapping[str, int]  # by effect
    answers: Mapping[str, int]  # of the store
    traces: tuple[Trace, ...]
    published_at_ns: int


class SideEffects(Protocol):
    """What may be lost without harm: caches and figures, once the publication is acknowledged."""

    async def after(self, publication: Publication, report: Report) -> None:
        """Do them; failures are counted, never raised."""
        ...


class Scorer(Protocol):
    """The ranker."""

    @property
    def model(self) -> Model:
        """Name, version and variant, as slates carry them."""
        ...

    @property
    def heads(self) -> tuple[str, ...]:
        """What the columns of a score are: some of next, skip, complete, like."""
        ...

    @property
    def blocks(self) -> tuple[str, ...]:
        """Which blocks of features it reads, in order: base, evidence."""
        ...

    def score(self, features: Features) -> F32:
        """Score all candidates of a poll in one call.

        Shapes:
            float32[M, len(heads)]: calibrated probabilities, each in [0, 1]
        """
        ...


class Retrieval(Protocol):
    """Candidates from an index of sessions, with what it knows of each."""

    @property
    def names(self) -> tuple[str, ...]:
        """What its own sources are called, in the order of their bits."""
        ...

    def extend(self, sessions: SessionBatch, others: Candidates, bit: int) -> Candidates:
        """Add its candidates to those of other sources; every one gets its evidence.

        Args:
            sessions: Who asks.
            others: Candidates found elsewhere, once per owner.
            bit: The number of the first of its own sources.
        """
        ...


class Clock(Protocol):
    """Wall-clock time, for stamps on what goes out; never for decisions of the fold."""

    def now_ns(self) -> int:
        """Unix nanoseconds."""
        ...
