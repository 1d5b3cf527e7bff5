"""What the demo has counted so far. Filled by the watcher and the monitor, read by the board."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from loadtest.demo.audience import Audience
from loadtest.producer import EventProducer
from loadtest.stages import STAGES, Stages
from service.client.newest import Newest
from service.core.events import Record
from service.core.slates import Slate

WINDOW_S: Final = 5.0


@dataclass
class Score:
    """Counts and figures of one run."""

    audience: Audience
    producer: EventProducer
    stages: Stages = field(default_factory=Stages)
    slates: int = 0
    lag_records: int = 0
    dead_letters: int = 0
    started_s: float = field(default_factory=time.monotonic)
    _newest: Newest = field(default_factory=Newest)
    _window: deque[tuple[float, int, int]] = field(default_factory=deque)

    def see(self, record: Record, received_at_ns: int) -> None:
        """Take a slate: its times, its place in the count, and the listener it is for."""
        news = self._newest.take(record.key, record.value, record.headers)
        if isinstance(news, Slate):
            self.slates += 1
            self.stages.record(record, received_at_ns)
            self.audience.take_slate(news)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first listener came."""
        return time.monotonic() - self.started_s

    def rates(self) -> tuple[float, float]:
        """Return events and slates a second over the last few seconds."""
        now = (time.monotonic(), self.producer.acknowledged, self.slates)
        if not self._window:
            self._window.append((self.started_s, 0, 0))
        self._window.append(now)
        while len(self._window) > 2 and now[0] - self._window[1][0] > WINDOW_S:
            self._window.popleft()
        then = self._window[0]
        passed_s = now[0] - then[0]
        if passed_s == 0:
            return 0.0, 0.0
        return (now[1] - then[1]) / passed_s, (now[2] - then[2]) / passed_s

    def line(self) -> str:
        """Return everything in one line."""
        events_s, slates_s = self.rates()
        total = self.stages.total
        return (
            f"{self.elapsed_s:5.0f} s   events {self.producer.acknowledged} ({events_s:.0f}/s)"
            f"   slates {self.slates} ({slates_s:.0f}/s)"
            f"   event to slate p50 {total.at_ms(50):.1f} p99 {total.at_ms(99):.1f} ms"
            f"   lag {self.lag_records}   dead letters {self.dead_letters}"
            f"   skips {self.audience.heard.skip_rate:.0%}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the counts and figures of the run."""
        heard, figures = self.audience.heard, self.stages.figures
        return {
            "seconds": round(self.elapsed_s, 1),
            "listeners": len(self.audience),
            "events": self.producer.acknowledged,
            "slates": self.slates,
            "dead_letters": self.dead_letters,
            "lag_records": self.lag_records,
            "p50_ms": round(self.stages.total.at_ms(50), 2),
            "p99_ms": round(self.stages.total.at_ms(99), 2),
            "stages": {stage: figures[stage].summary() for stage in STAGES},
            "plays": heard.plays,
            "plays_from_slates": heard.from_slates,
            "skip_rate": round(heard.skip_rate, 4),
        }
