"""Server-sent events: what one stream says, from the first byte to the last.

On connect: what the client has missed (from the cache, or from the hub when it is newer). Then
live. Event id = slate version, so `Last-Event-ID` says what the client has.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
import orjson
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from service.api.hub import Delivery, Mailbox, SlateHub, version_of
from service.api.items import cards_of
from service.api.ports import Catalogue, SlateReader
from service.core.events import UserId

RETRY_MS: Final = 1_000
HEARTBEAT_S: Final = 10.0

_JSON: Final = msgspec.json.Encoder()


def last_version(last_event_id: str | None) -> int:
    """Read the `Last-Event-ID` header; nonsense means that the client has nothing.

    >>> last_version("41"), last_version(None), last_version("abc")
    (41, -1, -1)
    """
    text = (last_event_id or "").strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 17 else -1


def encode_delivery(delivery: Delivery, catalogue: Catalogue | None = None) -> bytes:
    """Write a delivery as one server-sent event; the slate's JSON is passed on byte for byte.

    With a catalogue, the cards of all items that the slate names lie beside it.
    """
    version = str(delivery.version)
    trace = _JSON.encode(delivery.trace).decode() if delivery.trace else "null"
    if delivery.slate is None:
        return format_sse_event(event="deleted", data_str=f'{{"trace":{trace}}}', id=version)
    cards = "" if catalogue is None else f',"cards":{_cards(delivery.slate, catalogue)}'
    data = f'{{"slate":{delivery.slate.decode()},"trace":{trace}{cards}}}'
    return format_sse_event(event="slate", data_str=data, id=version)


def _cards(slate: bytes, catalogue: Catalogue) -> str:
    return orjson.dumps(cards_of(orjson.loads(slate), catalogue)).decode()


class Listener(msgspec.Struct, frozen=True):
    """Who opened a stream, and how they want it."""

    user_id: UserId
    seen: int = -1  # the version they have
    catalogue: Catalogue | None = None  # to send cards along
    heartbeat_s: float = HEARTBEAT_S


async def open_stream(
    hub: SlateHub, slates: SlateReader, listener: Listener
) -> AsyncIterator[bytes]:
    """Open a stream and return its bytes, the first of which are ready.

    Raises:
        Unavailable: The cache did not answer, or too many streams are open; nothing was sent.
    """
    stream = _stream(hub, slates, listener)
    opening = await anext(stream)
    return _resumed(opening, stream)


async def _resumed(opening: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield opening
    async for chunk in rest:
        yield chunk


async def _stream(hub: SlateHub, slates: SlateReader, listener: Listener) -> AsyncIterator[bytes]:
    """Versions only grow; silence is filled with comments; the end is the hub's closing."""
    # The mailbox opens before the cache is read: what is published in between lands in it.
    seen = listener.seen
    with hub.watch(listener.user_id) as mailbox:
        delivery = await _missed(slates, mailbox, listener.user_id)
        yield format_sse_event(comment="segue", retry=RETRY_MS)
        while not mailbox.is_closed:
            if delivery is None:
                yield KEEPALIVE_COMMENT
            elif delivery.version > seen:
                seen = delivery.version
                yield encode_delivery(delivery, listener.catalogue)
            delivery = await mailbox.take(listener.heartbeat_s)


async def _missed(slates: SlateReader, mailbox: Mailbox, user_id: UserId) -> Delivery | None:
    """The newer of what the cache has and what the hub saw."""
    cached = await slates.get(user_id)
    known = [mailbox.take_now(), Delivery(version_of(cached), cached) if cached else None]
    return max(filter(None, known), key=lambda delivery: delivery.version, default=None)
