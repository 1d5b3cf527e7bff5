"""In-memory twins of the HTTP side's ports, for tests and for developing the page."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from service.api.ports import ItemCard, Outgoing, Receipt
from service.core.codec import Stored
from service.core.errors import Unavailable
from service.core.events import Record, UserId


class _Switch:
    """Something that can be out of order."""

    def __init__(self) -> None:
        self.is_down = False

    async def ping(self) -> None:
        """Fail while it is switched off."""
        if self.is_down:
            raise Unavailable(f"{type(self).__name__} was switched off")


class MemorySlates(_Switch):
    """Slates in a dict. Implements `SlateReader`."""

    def __init__(self) -> None:
        super().__init__()
        self.slates: dict[UserId, bytes] = {}

    async def get(self, user_id: UserId) -> bytes | None:
        """Return what was put into `slates`."""
        await self.ping()
        return self.slates.get(user_id)


class MemoryStates(_Switch):
    """Session states in a dict. Implements `StateReader`."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[UserId, Stored] = {}

    async def get_many(self, user_ids: Sequence[UserId]) -> list[Stored | None]:
        """Return what was put into `states`."""
        await self.ping()
        return [self.states.get(user_id) for user_id in user_ids]


class MemorySink(_Switch):
    """A log in a list, one partition. Implements `EventSink`."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Outgoing] = []

    async def send_many(self, events: Sequence[Outgoing]) -> list[Receipt]:
        """Append to `log`."""
        await self.ping()
        first = len(self.log)
        self.log.extend(events)
        return [Receipt(0, first + index) for index in range(len(events))]


class MemoryFeed(_Switch):
    """A feed that yields what `push` was given. Implements `SlateFeed`."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[Sequence[Record]] = asyncio.Queue()

    def push(self, *records: Record) -> None:
        """Let the feed yield these records as one batch."""
        self._queue.put_nowait(records)

    async def batches(self) -> AsyncIterator[Sequence[Record]]:
        """Yield what was pushed, as it was pushed."""
        while True:
            yield await self._queue.get()


class MemoryCatalogue:
    """Cards in a dict. Implements `Catalogue`."""

    def __init__(self, cards: Sequence[ItemCard] = ()) -> None:
        self.cards: dict[str, ItemCard] = {card.item_id: card for card in cards}

    def __len__(self) -> int:
        """How many cards there are."""
        return len(self.cards)

    def card(self, item_id: str) -> ItemCard | None:
        """Return the card, if it is there."""
        return self.cards.get(item_id)

    def artist_name(self, artist_id: str) -> str | None:
        """Return the name on any card of the artist."""
        names = (card.artist for card in self.cards.values() if card.artist_id == artist_id)
        return next(names, None)

    def search(self, text: str, limit: int) -> list[ItemCard]:
        """Search titles as the real one does."""
        wanted = text.casefold()
        found = [c for c in self.cards.values() if wanted in c.title.casefold()]
        return sorted(found, key=lambda c: not c.title.casefold().startswith(wanted))[:limit]


class SetClock:
    """A clock that stands where it was set. Implements `Clock`."""

    def __init__(self, at_ns: int = 1_700_000_000_000_000_000) -> None:
        self.at_ns = at_ns

    def now_ns(self) -> int:
        """Return the time that was set."""
        return self.at_ns
