"""Latency figures: an HDR histogram in microseconds, read in milliseconds.

It keeps three significant digits over its whole range, so a p99.9 is as exact as a median.
"""

from typing import Any, Final

from hdrh.histogram import HdrHistogram

_MAX_US: Final = 600_000_000  # ten minutes; anything longer counts as that


class Latencies:
    """Many durations, remembered as counts."""

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(1, _MAX_US, 3)

    def record_ns(self, duration_ns: int) -> None:
        """Count one duration. Clocks of two processes may disagree by a little: below 0 is 0."""
        self._histogram.record_value(min(max(duration_ns // 1000, 1), _MAX_US))

    def __len__(self) -> int:
        """How many there are."""
        return int(self._histogram.get_total_count())

    def at_ms(self, percentile: float) -> float:
        """Return a percentile (99.9 is three nines) in milliseconds, 0 when nothing was counted."""
        return float(self._histogram.get_value_at_percentile(percentile)) / 1000

    @property
    def max_ms(self) -> float:
        """The longest."""
        return float(self._histogram.get_max_value()) / 1000 if len(self) else 0.0

    def summary(self) -> dict[str, float]:
        """Return the figures that reports show, in milliseconds."""
        return {
            "p50_ms": round(self.at_ms(50), 3),
            "p90_ms": round(self.at_ms(90), 3),
            "p99_ms": round(self.at_ms(99), 3),
            "p999_ms": round(self.at_ms(99.9), 3),
            "max_ms": round(self.max_ms, 3),
        }
