"""One valid event of every type, as an example to copy and as input of a first try."""

from collections.abc import Iterator
from typing import Any

import msgspec

from service.core import events as ev
from service.core.steering import SteerIntent

_MINUTE_MS = 60_000


def sample_events(now_ms: int, user_id: str = "sample-user") -> Iterator[ev.PlaybackEvent]:
    """Yield a short session that ends now: each type once, in an order that makes sense."""
    for number, event in enumerate(_session(ev.UserId(user_id))):
        yield msgspec.structs.replace(
            event,
            event_id=ev.EventId(f"{user_id}-{now_ms}-{number}"),
            at_ms=now_ms - (20 - number) * _MINUTE_MS,
        )


def _session(user: ev.UserId) -> Iterator[Any]:
    event_id, at_ms = ev.EventId("-"), 0  # filled in by the caller
    about: dict[type[ev.ItemFact], dict[str, int]] = {
        ev.Queued: {},
        ev.Started: {},
        ev.Progressed: {"position_ms": 30_000},
        ev.Seeked: {"position_ms": 90_000},
        ev.Liked: {"position_ms": 95_000},
        ev.Saved: {"position_ms": 96_000},
        ev.Completed: {"position_ms": 200_000},
        ev.Skipped: {"position_ms": 4_000},
        ev.Disliked: {"position_ms": 4_000},
    }
    for number, (kind, played) in enumerate(about.items()):
        item = "track-2" if kind in (ev.Skipped, ev.Disliked) else "track-1"
        yield kind(
            event_id=event_id,
            user_id=user,
            at_ms=at_ms,
            surface="now_playing",
            device="phone",
            country="DE",
            item_id=ev.ItemId(item),
            content_type="music",
            artist_id=ev.ArtistId("artist-1"),
            duration_ms=200_000,
            position_ms=played.get("position_ms", 0),
            served=ev.Served(slate_version=17, slot=number % 3),
        )
    intent = SteerIntent(more_like=("track-1",), exclude_types=("podcast",))
    yield ev.Steered(event_id=event_id, user_id=user, at_ms=at_ms, intent=intent)
    yield ev.SessionEnded(event_id=event_id, user_id=user, at_ms=at_ms)
    yield ev.UserDeleted(event_id=event_id, user_id=user, at_ms=at_ms)
