"""An event ready to be sent: its bytes, whose it is, and when it happened."""

from typing import Any

from msgspec import Struct, json, to_builtins

from service.core.events import EventId, PlaybackEvent, UserId


class TimedEvent(Struct, frozen=True, gc=False):
    """What a generator hands to the producer."""

    at_ms: int  # event time
    user_id: UserId
    event_id: EventId
    type: str
    value: bytes

    @property
    def key(self) -> bytes:
        """The record's key."""
        return self.user_id.encode()


def timed(event: PlaybackEvent) -> TimedEvent:
    """Encode an event. What it leaves open is left out, as a client would."""
    told: dict[str, Any] = to_builtins(event)
    value = json.encode({name: fact for name, fact in told.items() if fact is not None})
    return TimedEvent(event.at_ms, event.user_id, event.event_id, told["type"], value)
