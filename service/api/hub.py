"""One feed in, many streams out: the newest slate of each user to whoever watches that user.

    feed --> keep the highest version per user --> a mailbox of one per stream

A mailbox holds the newest slate only, so a slow reader skips to it, and nothing here grows with how
slow readers are. A few recent slates stay at hand because the slate cache is written after the
publication: a stream that opens in between must not wait for the next event.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from service.api.ports import Clock
from service.api.trace import VERSION, Trace, int_header, trace_of
from service.core.errors import Unavailable
from service.core.events import Record, UserId

RECENT_MAX: Final = 1_000
STREAMS_MAX: Final = 10_000


class Delivery(msgspec.Struct, frozen=True):
    """A slate on its way to a browser. `slate` is None when the user was deleted."""

    version: int
    slate: bytes | None
    trace: Trace | None = None


class _Versioned(msgspec.Struct):
    version: int


_VERSION: Final = msgspec.json.Decoder(_Versioned)


def version_of(slate: bytes) -> int:
    """Read the version out of a slate's JSON.

    Raises:
        msgspec.DecodeError: This is not a slate.

    >>> version_of(b'{"user_id": "u1", "version": 7}')
    7
    """
    return _VERSION.decode(slate).version


class Mailbox:
    """Room for one delivery: a newer one takes the place of what was not yet read."""

    def __init__(self, on_superseded: Callable[[], None]) -> None:
        self._newest: Delivery | None = None
        self._arrived = asyncio.Event()
        self._on_superseded = on_superseded
        self.is_closed = False

    def put(self, delivery: Delivery) -> None:
        """Leave a delivery; what lies there unread is dropped and counted."""
        if self._newest is not None:
            self._on_superseded()
        self._newest = delivery
        self._arrived.set()

    def close(self) -> None:
        """Wake the reader up for the last time."""
        self.is_closed = True
        self._arrived.set()

    def take_now(self) -> Delivery | None:
        """Return what lies there, if anything does."""
        newest, self._newest = self._newest, None
        if not self.is_closed:
            self._arrived.clear()
        return newest

    async def take(self, timeout_s: float) -> Delivery | None:
        """Return the newest delivery, or None when none came in time or the hub closed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return None
        return self.take_now()


class SlateHub:
    """Who watches whom, and what each user's newest slate is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchers: dict[UserId, set[Mailbox]] = {}
        self._recent: OrderedDict[UserId, Delivery] = OrderedDict()
        self._is_closed = False
        self.stream_count = 0
        self.received_count = 0
        self.superseded_count = 0
        self.unreadable_count = 0

    def receive(self, record: Record) -> None:
        """Take one record of the slates topic: a newer slate goes out, all others are dropped."""
        self.received_count += 1
        delivery = self._read(record)
        if delivery is None or record.key is None:
            self.unreadable_count += 1
            return
        user_id = UserId(record.key.decode("utf-8", "replace"))
        known = self._recent.get(user_id)
        if known is not None and delivery.version <= known.version:
            return
        self._remember(user_id, delivery)
        for mailbox in self._watchers.get(user_id, ()):
            mailbox.put(delivery)

    @contextmanager
    def watch(self, user_id: UserId) -> Iterator[Mailbox]:
        """Open a mailbox for the user, with the newest slate in it if one came by lately.

        Raises:
            Unavailable: This process has as many streams as it can carry.
        """
        if self.stream_count >= STREAMS_MAX or self._is_closed:
            raise Unavailable(f"{self.stream_count} streams are open here; try another instance")
        mailbox = Mailbox(self._count_superseded)
        self._watchers.setdefault(user_id, set()).add(mailbox)
        self.stream_count += 1
        if user_id in self._recent:
            mailbox.put(self._recent[user_id])
        try:
            yield mailbox
        finally:
            self._forget(user_id, mailbox)

    def close(self) -> None:
        """End every stream; no new one is opened."""
        self._is_closed = True
        for mailboxes in self._watchers.values():
            for mailbox in mailboxes:
                mailbox.close()

    def _read(self, record: Record) -> Delivery | None:
        trace = trace_of(record, self._clock.now_ns())
        if record.value is None:
            return Delivery(self._tombstone_version(record), None, trace)
        try:
            return Delivery(version_of(record.value), record.value, trace)
        except msgspec.DecodeError:
            return None

    def _tombstone_version(self, record: Record) -> int:
        """The header says it; without one, a tombstone stands just above the last slate seen."""
        stamped = int_header(record.headers, VERSION)
        if stamped is not None:
            return stamped
        known = self._recent.get(UserId((record.key or b"").decode("utf-8", "replace")))
        return known.version + 1 if known else 0

    def _remember(self, user_id: UserId, delivery: Delivery) -> None:
        self._recent[user_id] = delivery
        self._recent.move_to_end(user_id)
        if len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def _forget(self, user_id: UserId, mailbox: Mailbox) -> None:
        self.stream_count -= 1
        self._watchers[user_id].discard(mailbox)
        if not self._watchers[user_id]:
            del self._watchers[user_id]

    def _count_superseded(self) -> None:
        self.superseded_count += 1
