"""Where a slate's time went, read off its headers.

    sent ..append.. in the broker ..poll.. in the worker ..store..
                                                         ..rank...  (side by side) ..publish.. here

The broker stamps whole milliseconds: `append` and `poll` are exact to one, the others to the clock.
"""

from collections.abc import Mapping
from typing import Final

from loadtest.figures import Latencies
from loadtest.producer import SENT_HEADER
from service.core.events import Record

STAGES: Final = ("append", "poll", "store", "rank", "publish", "total")
_MS: Final = 1_000_000


def spans_ns(headers: Mapping[str, bytes], received_at_ns: int) -> dict[str, int]:
    """Return how long each stage took; nothing when a generator or worker left out its times."""
    try:
        sent = int(headers[SENT_HEADER])
        appended = int(headers["segue.appended_at_ms"]) * _MS
        polled, stored, ranked = (
            int(headers[f"segue.{name}_at_ns"]) for name in ("polled", "stored", "ranked")
        )
    except (KeyError, ValueError):
        return {}
    return {
        "append": appended - sent,
        "poll": polled - appended,
        "store": stored - polled,
        "rank": ranked - polled,
        "publish": received_at_ns - max(stored, ranked),
        "total": received_at_ns - sent,
    }


class Stages:
    """The figures of each stage, over many slates."""

    def __init__(self) -> None:
        self.figures = {stage: Latencies() for stage in STAGES}

    def record(self, slate: Record, received_at_ns: int) -> None:
        """Count a slate's stages."""
        for stage, span_ns in spans_ns(dict(slate.headers), received_at_ns).items():
            self.figures[stage].record_ns(span_ns)

    @property
    def total(self) -> Latencies:
        """From the moment an event was sent (or due) until its slate was here."""
        return self.figures["total"]
