"""How a measurement is cut into slices, and what counts of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

System = Literal["segue", "echo"]
SYSTEMS: Final[tuple[System, ...]] = ("segue", "echo")
SLICE_S: Final = 5.0
WARM_UP_S: Final = 5.0
SETTLE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of load on one of the two."""

    system: System
    settle_s: float  # at its start, not counted: the other one's caches
    measured_s: float  # 0 for a warm-up

    def events(self, rate: float) -> tuple[int, int]:
        """Return how many events to send, and how many of the first not to count."""
        settling = round(rate * self.settle_s)
        return settling + round(rate * self.measured_s), settling


def slices(measured_s: float) -> Iterator[Slice]:
    """Yield a warm-up of each, then slices in turn until each has been measured `measured_s`.

    >>> [(s.system, s.measured_s) for s in slices(8)][2:]
    [('segue', 5.0), ('echo', 5.0), ('echo', 3.0), ('segue', 3.0)]
    """
    for system in SYSTEMS:
        yield Slice(system, WARM_UP_S, 0.0)
    order = list(SYSTEMS)
    left_s = measured_s
    while left_s > 0:
        length_s = min(SLICE_S, left_s)
        yield from (Slice(system, SETTLE_S, length_s) for system in order)
        order.reverse()  # neither is always the one that goes first
        left_s -= length_s
