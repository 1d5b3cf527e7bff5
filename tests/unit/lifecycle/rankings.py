"""Rankings on a small catalogue whose models do as a test tells them."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import CollectorRegistry

from service.adapters.memory import MemorySideEffects, PopularityScorer
from service.core import events as ev
from service.core.features import Features
from service.core.items import F32
from service.core.session import SessionState
from service.core.slates import Model
from service.lifecycle.fallback import FallbackRanker
from service.lifecycle.metrics import LifecycleMetrics
from service.lifecycle.roster import Roster
from service.lifecycle.serving import Serving
from service.lifecycle.shadow import Shadow
from service.lifecycle.watch import Watch
from service.ranking import Ranking
from service.sources import default_sources
from tests.event_makers import folded, item_fact, small_table

TABLE = small_table(120)
SOURCES = default_sources(TABLE)


class Told(PopularityScorer):
    """A scorer with a version, which can be told to misbehave."""

    def __init__(self, version: str, *, inverted: bool = False, broken: bool = False) -> None:
        super().__init__()
        self.version = version
        self.inverted = inverted
        self.raises: Exception | None = None
        self.unsound = broken
        self.gate: threading.Event | None = None  # waits for it

    @property
    def model(self) -> Model:
        return Model("ranker", self.version)

    def score(self, features: Features) -> F32:
        if self.gate is not None:
            self.gate.wait()
        if self.raises is not None:
            raise self.raises
        heads = super().score(features)
        if self.unsound:
            heads[:] = np.nan
        return np.asarray(1 - heads if self.inverted else heads, np.float32)


def ranking(version: str = "1", **told: bool) -> Ranking:
    return Ranking(TABLE, SOURCES, Told(version, **told))


def scorer_of(made: Ranking) -> Told:
    assert isinstance(made.scorer, Told)
    return made.scorer


def users(count: int) -> list[ev.UserId]:
    return [ev.UserId(f"u{n}") for n in range(count)]


def sessions(count: int) -> list[SessionState]:
    """Sessions that differ."""
    return [folded(*[item_fact(ev.Completed, f"i{n + k}") for k in range(3)]) for n in range(count)]


async def until(holds: Callable[[], bool]) -> None:
    """Let others run until something holds; the test's timeout is the deadline."""
    while not holds():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


@dataclass
class Bench:
    """A serving worker's half that ranks, without a worker around it."""

    roster: Roster
    deadline_s: float = 30.0
    inner: MemorySideEffects = field(default_factory=MemorySideEffects)

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = LifecycleMetrics(self.registry)
        fallback = FallbackRanker.beside(self.roster.champion)
        self.serving = Serving(self.roster, fallback, self.deadline_s)
        self.shadow = Shadow(self.metrics)
        self.watch = Watch(self.inner, self.serving, self.shadow, self.metrics)
        self.serving.tell = self.watch.ranked

    def figure(self, name: str, /, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0
