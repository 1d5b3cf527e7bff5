"""Session state and its fold: `fold(state, event, record) -> (state, effect)`.

Pure and total: never raises, never reads a clock, draws no random number, asks no model. Two
workers that fold the same records hold the same bytes; that is what makes redelivery harmless.

Time. An event's time is `min(at_ms, broker time)`: a client clock that runs ahead cannot push the
session into the future (far-future records are poison before they get here). An event older than
the newest one is *late*. Late but within the current session, it still counts as an outcome,
without moving the session's clock; older than the session, only what the listener said explicitly
(like, dislike, save, steer) counts. Everything else late is ignored, and counted.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from service.core import events as ev
from service.core.memory import (
    RING_MAX,
    ArtistMemory,
    ItemMemory,
    Play,
    PlayEnd,
    remember_artist,
    remember_item,
    seen_before,
    stamp,
)
from service.core.steering import NEUTRAL, Steering, steer

GAP_MS: Final = 30 * 60 * 1000
"""Silence (event time) that ends a session."""

STATE_MAX_BYTES: Final = 32 * 1024
"""What the encoded state never exceeds, however long the ids (128 characters at most)."""

QUIET: Final = (ev.Progressed, ev.Seeked)
"""Events that change the state but call for no new slate."""

END_BY_EVENT: Final[dict[type[ev.ItemFact], PlayEnd]] = {
    ev.Started: PlayEnd.PLAYING,
    ev.Progressed: PlayEnd.PLAYING,
    ev.Skipped: PlayEnd.SKIPPED,
    ev.Completed: PlayEnd.COMPLETED,
    ev.Queued: PlayEnd.QUEUED,
}


class SessionState(Struct, frozen=True, array_like=True):
    """All that is known of a listener. Bounded: 2 to 3 KiB with ids of usual length.

    `version` is the offset after the last applied event, so it grows for as long as the user stays
    on one partition, even when the state expired in between.
    """

    session_id: str = ""
    started_at_ms: int = 0
    last_at_ms: int = 0
    version: int = 0
    source_offset: int = -1  # of the last applied event
    session_len: int = 0  # how many of the newest ring entries belong to this session
    ring: tuple[Play, ...] = ()  # oldest first
    items: tuple[ItemMemory, ...] = ()  # least recently touched first
    artists: tuple[ArtistMemory, ...] = ()  # least recently touched first
    steering: Steering = NEUTRAL
    event_ids: bytes = b""  # 8-byte hashes of the last 64 event ids
    deleted_at_ms: int = 0  # when the user was deleted; what is older stays forgotten
    ended_at_ms: int = 0  # when the listener closed the player, 0 while the session is open

    @property
    def is_deleted(self) -> bool:
        """Whether this is a tombstone: of the user, only hashes of event ids are left."""
        return self.deleted_at_ms > 0 and self.last_at_ms == 0


EMPTY: Final = SessionState()


class Effect(StrEnum):
    """What an event did to the state."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  # this event id was applied before
    LATE = "late"  # older than the session, and not an explicit wish
    FORGOTTEN = "forgotten"  # older than the deletion of its user


def fold(
    state: SessionState, event: ev.PlaybackEvent, record: ev.Record
) -> tuple[SessionState, Effect]:
    """Return the state after `event`, and what it did. An ignored one leaves the state as it is."""
    at_ms = min(event.at_ms, record.timestamp_ms)
    if state.deleted_at_ms and at_ms <= state.deleted_at_ms:
        return state, Effect.FORGOTTEN
    seen, event_ids = seen_before(state.event_ids, event.event_id)
    if seen:
        return state, Effect.DUPLICATE
    if isinstance(event, ev.UserDeleted):
        return _forget(state, at_ms, record, event_ids), Effect.APPLIED
    if at_ms < state.started_at_ms and not _is_wish(event):
        return state, Effect.LATE
    state = _open_session(state, at_ms, record)
    return replace(
        _apply(state, event, at_ms), **_advance(state, at_ms, record, event_ids)
    ), Effect.APPLIED


def _is_wish(event: ev.PlaybackEvent) -> bool:
    return isinstance(event, ev.Liked | ev.Disliked | ev.Saved | ev.Steered)


def _next_version(state: SessionState, record: ev.Record) -> int:
    return max(state.version, record.offset) + 1


def _forget(state: SessionState, at_ms: int, record: ev.Record, event_ids: bytes) -> SessionState:
    """Leave a tombstone that covers all that was folded: a retry of it revives nothing.

    The hashes of event ids stay: a client whose clock runs ahead may retry an event with a time
    after the deletion, and only its id gives it away.
    """
    return SessionState(
        version=_next_version(state, record),
        source_offset=record.offset,
        deleted_at_ms=max(at_ms, state.last_at_ms, 1),
        event_ids=event_ids,
    )


def _open_session(state: SessionState, at_ms: int, record: ev.Record) -> SessionState:
    """Start a new session when the last one is over (or there was none)."""
    was_closed = 0 < state.ended_at_ms < at_ms
    if state.session_id and not was_closed and at_ms - state.last_at_ms <= GAP_MS:
        return state
    return replace(
        state,
        session_id=f"{record.partition}-{record.offset}",
        started_at_ms=at_ms,
        session_len=0,
        ended_at_ms=0,
    )


def _advance(
    state: SessionState, at_ms: int, record: ev.Record, event_ids: bytes
) -> dict[str, object]:
    return {
        "last_at_ms": max(state.last_at_ms, at_ms),
        "version": _next_version(state, record),
        "source_offset": record.offset,
        "event_ids": event_ids,
    }


def _apply(state: SessionState, event: ev.PlaybackEvent, at_ms: int) -> SessionState:
    match event:
        case ev.Steered(intent=intent):
            return replace(state, steering=steer(state.steering, intent))
        case ev.SessionEnded():
            # What happens after this opens a new session, however soon it comes.
            return replace(state, ended_at_ms=max(at_ms, 1))
        case ev.ItemFact():
            return _remember(state, event, at_ms)
        case ev.UserDeleted():
            return state  # `fold` has dealt with it


def _remember(state: SessionState, event: ev.ItemFact, at_ms: int) -> SessionState:
    ring, grew = _ring_after(state.ring, event, at_ms)
    return replace(
        state,
        ring=ring,
        session_len=min(state.session_len + grew, RING_MAX),
        items=remember_item(state.items, event, stamp(at_ms)),
        artists=remember_artist(state.artists, event),
    )


def _ring_after(
    ring: tuple[Play, ...], event: ev.ItemFact, at_ms: int
) -> tuple[tuple[Play, ...], int]:
    """Update the item's newest play, or add an entry. Returns (ring, entries added)."""
    index = None if isinstance(event, ev.Started | ev.Queued) else _newest(ring, event.item_id)
    if index is not None:
        return (*ring[:index], _played_on(ring[index], event), *ring[index + 1 :]), 0
    fresh = Play(
        event.item_id, PlayEnd.NOTHING, 0, stamp(at_ms), ev.CONTENT_TYPES.index(event.content_type)
    )
    return (*ring, _played_on(fresh, event))[-RING_MAX:], 1


def _newest(ring: tuple[Play, ...], item_id: str) -> int | None:
    for index in range(len(ring) - 1, -1, -1):
        if ring[index].item_id == item_id:
            return index
    return None


def _played_on(play: Play, event: ev.ItemFact) -> Play:
    """The entry after one more event about the same play. Dwell only grows; an end is final."""
    match event:
        case ev.Liked() | ev.Disliked():
            return replace(play, liked=1 if isinstance(event, ev.Liked) else -1)
        case ev.Saved():
            return replace(play, saved=1)
        case ev.Seeked():
            return play
        case _:
            heard_s = 0 if isinstance(event, ev.Queued) else min(event.position_ms // 1000, 0xFFFF)
            return replace(play, end=_end_after(play, event), dwell_s=max(play.dwell_s, heard_s))


def _end_after(play: Play, event: ev.ItemFact) -> PlayEnd:
    ended = play.end in (PlayEnd.SKIPPED, PlayEnd.COMPLETED)
    if isinstance(event, ev.Progressed) and ended:
        return PlayEnd(play.end)  # a heartbeat that comes late does not undo an end
    return END_BY_EVENT[type(event)]


def is_quiet(event: ev.PlaybackEvent) -> bool:
    """Whether the event alone calls for no new slate."""
    return isinstance(event, QUIET)
