"""When each event is due. A pace is arithmetic: it neither sleeps nor reads a clock.

An open loop sends at the due time whatever became of the events before, and dates an event by
when it was due, not by when the generator got round to it: a stall then shows in the figures of
every event it delayed (no coordinated omission).
"""

from dataclasses import dataclass
from typing import Final, Protocol

SECOND_NS: Final = 1_000_000_000


class Pace(Protocol):
    """Says when events are due."""

    def due_ns(self, number: int, at_ms: int) -> int | None:
        """Return when event `number` (from 0) is due, in ns after the start; None for now."""
        ...


@dataclass(frozen=True)
class SteadyPace:
    """So many events a second, evenly spaced."""

    per_s: float

    def due_ns(self, number: int, at_ms: int) -> int | None:
        """Count, not add: rounding must not pile up.

        >>> SteadyPace(per_s=3).due_ns(3_000_000, 0) == 1_000_000 * SECOND_NS
        True
        """
        return round(number * SECOND_NS / self.per_s)


@dataclass
class LogPace:
    """The log's own rhythm, `speed` times as fast; the first event is due at once."""

    speed: float
    first_at_ms: int | None = None

    def due_ns(self, number: int, at_ms: int) -> int | None:
        """Scale the time since the log's first event."""
        if self.first_at_ms is None:
            self.first_at_ms = at_ms
        return round((at_ms - self.first_at_ms) * 1_000_000 / self.speed)


@dataclass(frozen=True)
class FlatOut:
    """As fast as the log takes them."""

    def due_ns(self, number: int, at_ms: int) -> int | None:
        """Now."""
        return None
