"""What the fold remembers, piece by piece, each piece bounded.

ring     the last 50 plays with how they ended and how long they were heard
items    what outlives the ring: liked, saved, the position in long items
artists  plays, skips and likes per artist (show, author, channel)
ids      hashes of the last 64 event ids, to tell a client's retry from a new fact
"""

from enum import IntEnum
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from service.core import events as ev

RING_MAX: Final = 50
ITEMS_MAX: Final = 32
ARTISTS_MAX: Final = 24
EVENT_IDS_MAX: Final = 64
HASH_BYTES: Final = 8
RESUME_MIN_MS: Final = 10 * 60 * 1000
"""Items at least this long are worth continuing where they were left."""


class PlayEnd(IntEnum):
    """How a play ended, as far as is known."""

    NOTHING = 0  # touched (liked, saved) without being played
    PLAYING = 1  # started; no end reported (yet)
    SKIPPED = 2
    COMPLETED = 3
    QUEUED = 4  # asked for by hand, not played yet


class Play(Struct, frozen=True, array_like=True, gc=False):
    """One entry of the ring."""

    item_id: str
    end: int  # a PlayEnd
    dwell_s: int  # the farthest position reported, seconds, at most 65,535
    at_s: int  # event time of the first report, Unix seconds
    content_type: int  # index into CONTENT_TYPES
    liked: int = 0  # 1 liked, -1 disliked
    saved: int = 0


class ItemMemory(Struct, frozen=True, array_like=True, gc=False):
    """What is worth knowing of an item after it has left the ring."""

    item_id: str
    liked: int = 0
    saved: int = 0
    resume_s: int = 0  # where to continue a long item; 0 if finished, or not long
    at_s: int = 0


class ArtistMemory(Struct, frozen=True, array_like=True, gc=False):
    """Counts for one artist, show, author or channel."""

    artist_id: str
    plays: int = 0
    skips: int = 0
    likes: int = 0
    dislikes: int = 0


def stamp(at_ms: int) -> int:
    """Milliseconds to whole seconds, the resolution of the memories."""
    return at_ms // 1000


def seen_before(ring: bytes, event_id: str) -> tuple[bool, bytes]:
    """Tell whether the event id is in the ring of hashes, and return the ring with it added."""
    digest = blake2b(event_id.encode(), digest_size=HASH_BYTES).digest()
    at = ring.find(digest)
    while at >= 0 and at % HASH_BYTES:  # a match across two entries is none
        at = ring.find(digest, at + 1)
    if at >= 0:
        return True, ring
    return False, (ring + digest)[-EVENT_IDS_MAX * HASH_BYTES :]


def remember_item(
    items: tuple[ItemMemory, ...], event: ev.ItemFact, at_s: int
) -> tuple[ItemMemory, ...]:
    """Update the item's memory, newest last. Items with nothing to remember are left out."""
    old = next((m for m in items if m.item_id == event.item_id), None)
    new = _touched(old or ItemMemory(event.item_id), event, at_s)
    if old is None and not (new.liked or new.saved or new.resume_s):
        return items
    others = tuple(m for m in items if m.item_id != event.item_id)
    return (*others, new)[-ITEMS_MAX:]


def _touched(memory: ItemMemory, event: ev.ItemFact, at_s: int) -> ItemMemory:
    match event:
        case ev.Liked():
            return replace(memory, liked=1, at_s=at_s)
        case ev.Disliked():
            return replace(memory, liked=-1, at_s=at_s)
        case ev.Saved():
            return replace(memory, saved=1, at_s=at_s)
        case ev.Completed():
            return replace(memory, resume_s=0, at_s=at_s)
        case ev.Progressed() | ev.Seeked() | ev.Skipped() if _is_long(event):
            return replace(memory, resume_s=event.position_ms // 1000, at_s=at_s)
        case _:
            return memory


def _is_long(event: ev.ItemFact) -> bool:
    return (
        event.content_type in ("podcast", "audiobook") or (event.duration_ms or 0) >= RESUME_MIN_MS
    )


def remember_artist(
    artists: tuple[ArtistMemory, ...], event: ev.ItemFact
) -> tuple[ArtistMemory, ...]:
    """Count the event for its artist, when the event names one."""
    if event.artist_id is None:
        return artists
    old = next((m for m in artists if m.artist_id == event.artist_id), None)
    base = old or ArtistMemory(event.artist_id)
    new = _counted(base, event)
    if new is base:
        return artists  # the event says nothing of the artist: nobody else is pushed out for it
    others = tuple(m for m in artists if m.artist_id != event.artist_id)
    return (*others, new)[-ARTISTS_MAX:]


def _counted(memory: ArtistMemory, event: ev.ItemFact) -> ArtistMemory:
    match event:
        case ev.Started():
            return replace(memory, plays=memory.plays + 1)
        case ev.Skipped():
            return replace(memory, skips=memory.skips + 1)
        case ev.Liked() | ev.Saved():
            return replace(memory, likes=memory.likes + 1)
        case ev.Disliked():
            return replace(memory, dislikes=memory.dislikes + 1)
        case _:
            return memory
