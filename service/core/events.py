"""Playback events: every fact about a session, one frozen struct per fact.

A JSON event names its struct in `type` (`started`, `skipped`, ...). Unknown fields are ignored, so
that a producer may run ahead of a consumer; a missing or mistyped field is poison (see `wire`).
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NewType

from msgspec import Meta, Struct

from service.core.steering import SteerIntent

UserId = NewType("UserId", str)
EventId = NewType("EventId", str)
ItemId = NewType("ItemId", str)
ArtistId = NewType("ArtistId", str)

ContentType = Literal["music", "podcast", "audiobook", "video"]
CONTENT_TYPES: Final[Sequence[ContentType]] = ("music", "podcast", "audiobook", "video")

# No braces or spaces: an id becomes part of a Redis key, where braces choose the cluster slot.
# (?!\n): Python's $ would let a trailing newline through.
ID_PATTERN: Final = r"^[A-Za-z0-9._:@|=+/~-]+$(?!\n)"
TIME_MAX_MS: Final = 2**53 - 1  # the largest integer that JSON readers and Lua agree on

_Id = Meta(min_length=1, max_length=128, pattern=ID_PATTERN)
_Time = Meta(ge=0, le=TIME_MAX_MS, description="event time set by the client, Unix milliseconds")
_Span = Meta(ge=0, le=TIME_MAX_MS, description="milliseconds")
_Label = Meta(max_length=64)


class Served(Struct, frozen=True, kw_only=True, gc=False):
    """Where the item came from, when it came from a slate: lets outcomes be attributed."""

    slate_version: Annotated[int, Meta(ge=0)]
    slot: Annotated[int, Meta(ge=0, le=1000, description="place in the slate, from 0")]


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Fact(Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag=_tag):
    """What every event carries."""

    event_id: Annotated[EventId, _Id]
    user_id: Annotated[UserId, _Id]
    at_ms: Annotated[int, _Time]
    surface: Annotated[str, _Label] | None = None
    device: Annotated[str, _Label] | None = None
    country: Annotated[str, _Label] | None = None


class ItemFact(Fact, frozen=True, kw_only=True, gc=False):
    """What every event about one item carries."""

    item_id: Annotated[ItemId, _Id]
    content_type: ContentType
    artist_id: Annotated[ArtistId, _Id] | None = None  # artist, show, author or channel
    position_ms: Annotated[int, _Span] = 0
    duration_ms: Annotated[int, _Span] | None = None
    served: Served | None = None


class Started(ItemFact, frozen=True, kw_only=True, gc=False):
    """An item began to play."""


class Progressed(ItemFact, frozen=True, kw_only=True, gc=False):
    """A heartbeat: the item has played up to `position_ms`."""


class Skipped(ItemFact, frozen=True, kw_only=True, gc=False):
    """The listener left the item before its end, at `position_ms`."""


class Completed(ItemFact, frozen=True, kw_only=True, gc=False):
    """The item played to its end."""


class Liked(ItemFact, frozen=True, kw_only=True, gc=False):
    """An explicit thumbs-up."""


class Disliked(ItemFact, frozen=True, kw_only=True, gc=False):
    """An explicit thumbs-down: the item is not offered again."""


class Saved(ItemFact, frozen=True, kw_only=True, gc=False):
    """The item was put in the library."""


class Seeked(ItemFact, frozen=True, kw_only=True, gc=False):
    """The listener moved to `position_ms` within the item."""


class Queued(ItemFact, frozen=True, kw_only=True, gc=False):
    """The listener put the item in the queue by hand."""


class Steered(Fact, frozen=True, kw_only=True, gc=False):
    """The listener said what should come next."""

    intent: SteerIntent


class SessionEnded(Fact, frozen=True, kw_only=True, gc=False):
    """The listener closed the player."""


class UserDeleted(Fact, frozen=True, kw_only=True, gc=False):
    """Forget this user: everything before this event is erased."""


PlaybackEvent = (
    Started
    | Progressed
    | Skipped
    | Completed
    | Liked
    | Disliked
    | Saved
    | Seeked
    | Queued
    | Steered
    | SessionEnded
    | UserDeleted
)


class Record(Struct, frozen=True, gc=False):
    """One entry of the input log, as the broker gave it.

    `timestamp_ms` is the broker's append time when the topic says so (ours does): the only clock
    the fold ever sees beside the event's own.
    """

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def where(self) -> str:
        """Partition and offset as error messages show them."""
        return f"[{self.partition}]@{self.offset}"
