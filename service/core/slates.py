"""What goes out: slates, outcomes and dead letters, as records on Kafka topics.

None of these can be part of a reference cycle, so the garbage collector need not follow them.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from service.core.events import ContentType, EventId, ItemId, UserId


class Source(Struct, frozen=True, gc=False):
    """The last input record folded into what this slate was made from."""

    partition: int
    offset: int


class Model(Struct, frozen=True, gc=False):
    """Who ranked."""

    name: str
    version: str
    variant: str = "champion"


class SlateItem(Struct, frozen=True, kw_only=True, gc=False):
    """One place of the slate."""

    item_id: ItemId
    content_type: ContentType
    rank: int  # 1 is next
    score: float
    heads: Mapping[str, float]  # calibrated probabilities, by the model's heads
    source: str  # the candidate source that counted most
    reasons: tuple[str, ...] = ()
    sponsored: bool = False
    campaign_id: str | None = None


class Slate(Struct, frozen=True, kw_only=True, gc=False):
    """The ranked list that is pushed. A consumer keeps the highest `version` per user."""

    user_id: UserId
    session_id: str
    version: int
    source: Source
    state_digest: str
    trigger_event_id: EventId
    reason: str
    generated_at_ms: int
    ttl_ms: int
    model: Model
    experiments: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    items: tuple[SlateItem, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one item: served by a slate (then `slate_version`), or played otherwise."""

    user_id: UserId
    session_id: str
    event_id: EventId
    offset: int
    type: str
    item_id: ItemId
    content_type: ContentType
    at_ms: int
    position_ms: int = 0
    duration_ms: int | None = None
    slate_version: int | None = None
    slot: int | None = None


class OutcomeBatch(Struct, frozen=True, kw_only=True, gc=False):
    """All outcomes of one partition in one poll. Readers de-duplicate by (partition, offset)."""

    partition: int
    model: Model
    outcomes: tuple[Outcome, ...]


class DeadLetter(Struct, frozen=True, kw_only=True, gc=False):
    """A record nobody can process: its payload untouched (cut at the size limit), why beside it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    kind: str
    message: str
    attempt: int
    first_failed_at_ms: int


# Header names on `playback.dead-letters.v1`; the record's own headers are kept beside them.
DEAD_LETTER_HEADERS: Final = (
    "segue.error.topic",
    "segue.error.partition",
    "segue.error.offset",
    "segue.error.timestamp_ms",
    "segue.error.kind",
    "segue.error.message",
    "segue.error.attempt",
    "segue.error.first_failed_at_ms",
)
