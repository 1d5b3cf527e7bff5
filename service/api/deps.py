"""Everything the HTTP side is given; routes take it whole and use what they need."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.api.hub import SlateHub
from service.api.metrics import Metrics
from service.api.ports import Catalogue, Clock, EventSink, SlateFeed, SlateReader, StateReader

CONTRACTS: Final = Path(__file__).parents[1] / "contracts"


@dataclass(frozen=True)
class ApiDeps:
    """The ports, and what lives in this process."""

    slates: SlateReader
    states: StateReader
    sink: EventSink
    feed: SlateFeed
    catalogue: Catalogue
    clock: Clock
    hub: SlateHub
    metrics: Metrics = field(init=False, default_factory=Metrics)
    contracts: Path = CONTRACTS
    events_topic: str = "playback.events.v1"
    slates_topic: str = "nowplaying.slates.v1"
    bootstrap: str = "127.0.0.1:9092"  # shown in the page's kcat line


def now_ms(deps: ApiDeps) -> int:
    """Unix milliseconds by the edge's clock."""
    return deps.clock.now_ns() // 1_000_000
