"""What the HTTP side needs of the world. Twins are in `twins`, real ones in `service.adapters`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from service.core.codec import Stored
from service.core.events import ArtistId, ContentType, ItemId, Record, UserId


class Outgoing(Struct, frozen=True):
    """One event on its way into the log."""

    user_id: UserId
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Receipt(Struct, frozen=True):
    """Where the log put an event."""

    partition: int
    offset: int


class ItemCard(Struct, frozen=True, kw_only=True):
    """An item as people see it."""

    item_id: ItemId
    title: str
    content_type: ContentType
    artist_id: ArtistId | None = None
    artist: str | None = None
    series: str | None = None
    duration_ms: int | None = None
    explicit: bool = False
    attributes: Mapping[str, float] = {}


class SlateReader(Protocol):
    """The latest slate of a user."""

    async def get(self, user_id: UserId) -> bytes | None:
        """Return the slate's JSON exactly as it was published, or None.

        Raises:
            Unavailable: The cache did not answer.
        """
        ...

    async def ping(self) -> None:
        """Return when the cache answers.

        Raises:
            Unavailable: It does not.
        """
        ...


class StateReader(Protocol):
    """Session states, for looking at. Every `SessionStore` is one."""

    async def get_many(self, user_ids: Sequence[UserId]) -> list[Stored | None]:
        """Return state and fence of each user, None for one nothing is known of.

        Raises:
            Unavailable: The store did not answer.
            StaleWrite: What lies there does not decode.
        """
        ...


class EventSink(Protocol):
    """The way into the event log."""

    async def send_many(self, events: Sequence[Outgoing]) -> list[Receipt]:
        """Append the events in the given order; return when the log holds them all.

        Raises:
            Unavailable: The log did not confirm in time. Some events may have been appended: send
                all of them again under the same event ids.
        """
        ...

    async def ping(self) -> None:
        """Return when the log answers.

        Raises:
            Unavailable: It does not.
        """
        ...


class SlateFeed(Protocol):
    """Every slate from now on, of every user."""

    def batches(self) -> AsyncIterator[Sequence[Record]]:
        """Yield records as they arrive, for as long as the feed is open."""
        ...

    async def ping(self) -> None:
        """Return when the log answers.

        Raises:
            Unavailable: It does not.
        """
        ...


class Catalogue(Protocol):
    """What items are called and who made them."""

    def card(self, item_id: str) -> ItemCard | None:
        """Return the item's card, or None if the catalogue does not know it."""
        ...

    def artist_name(self, artist_id: str) -> str | None:
        """Return the name of an artist, show, author or channel, or None."""
        ...

    def search(self, text: str, limit: int) -> list[ItemCard]:
        """Return the items whose title begins with `text`, then those that contain it."""
        ...

    def __len__(self) -> int:
        """How many items there are."""
        ...


class Clock(Protocol):
    """Wall time. The edge fills in times that clients left out, and stamps what it sends."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        ...
