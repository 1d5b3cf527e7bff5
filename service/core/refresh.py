"""When a new slate is due, and why.

The reason is read from the events of a batch alone, never from "did my write happen": a worker that
died between its write and its publication must come to the same answer when the records return.
"""

from collections.abc import Iterable
from typing import Final

from service.core import events as ev
from service.core.session import is_quiet

REASONS: Final[dict[type, str]] = {
    ev.UserDeleted: "deleted",
    ev.Steered: "steered",
    ev.Disliked: "disliked",
    ev.Skipped: "skipped",
    ev.Liked: "liked",
    ev.Saved: "saved",
    ev.Queued: "queued",
    ev.Completed: "completed",
    ev.Started: "started",
    ev.SessionEnded: "session_ended",
}
"""Most telling first: a batch with a steer and a start is refreshed because of the steer."""

_ORDER: Final = {kind: rank for rank, kind in enumerate(REASONS)}


def refresh(events: Iterable[ev.PlaybackEvent]) -> tuple[str, ev.EventId] | None:
    """Return (reason, id of the event that caused it), or None when only quiet events came."""
    loud = [event for event in events if not is_quiet(event)]
    if not loud:
        return None
    telling = min(reversed(loud), key=lambda event: _ORDER[type(event)])
    return REASONS[type(telling)], telling.event_id
