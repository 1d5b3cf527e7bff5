"""What the drill hears: every slate by who ranked it and when it came, and the worker's figures."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.request import urlopen

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from loadtest.demo.score import Score
from service.core.events import Record
from service.core.slates import Model
from service.embedded.steps import StepFailed

POLL_S: Final = 0.05
PATIENCE_S: Final = 180.0
"""For what is bound to happen, on a machine that may be busy."""


class _Ranked(msgspec.Struct, frozen=True):
    model: Model
    degraded: tuple[str, ...] = ()


_DECODER = msgspec.json.Decoder(_Ranked)


@dataclass
class Ear:
    """Counts slates by version and variant, and remembers when each was last heard of."""

    score: Score
    metrics_url: str
    slates: Counter[tuple[str, str]] = field(default_factory=Counter)  # (version, variant)
    last_at_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    degraded: int = 0
    _waiting: dict[tuple[str, str], "asyncio.Future[int]"] = field(default_factory=dict)

    def see(self, record: Record, received_at_ns: int) -> None:
        """Take a slate."""
        self.score.see(record, received_at_ns)
        if record.value is None:
            return
        told = _DECODER.decode(record.value)
        who = (told.model.version, told.model.variant)
        self.slates[who] += 1
        self.last_at_ns[who] = received_at_ns
        self.degraded += bool(told.degraded)
        waiting = self._waiting.pop(who, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(received_at_ns)

    async def next_by(self, version: str, variant: str, timeout_s: float) -> int:
        """Return when the next slate by a model arrived, in Unix nanoseconds.

        Raises:
            StepFailed: None came in time.
        """
        answer = asyncio.get_running_loop().create_future()
        self._waiting[version, variant] = answer
        try:
            async with asyncio.timeout(timeout_s):
                return int(await answer)
        except TimeoutError:
            raise StepFailed(
                what=f"no slate by {version} as {variant} within {timeout_s:g} s",
                why="the worker does not serve it, or nothing is sent",
                remedy="see the worker's log, logs/worker-0.log in the drill's folder",
            ) from None

    async def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Read the worker's figures: by name and labels."""
        text = await asyncio.to_thread(_read, f"{self.metrics_url}/metrics")
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def figure(self, name: str, /, **labels: str) -> float:
        """Return one figure; 0 when the worker has none."""
        return (await self.metrics()).get((name, frozenset(labels.items())), 0.0)

    async def until(self, holds: Callable[[float], bool], name: str, /, **labels: str) -> float:
        """Wait until a figure is so; return it.

        Raises:
            StepFailed: It was not, for minutes.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not holds(value := await self.figure(name, **labels)):
            if time.monotonic() > deadline:
                raise StepFailed(
                    what=f"{name}{labels} stayed at {value:g} for {PATIENCE_S:.0f} s",
                    why="the worker did not do what the drill expects",
                    remedy="see the worker's log, logs/worker-0.log in the drill's folder",
                )
            await asyncio.sleep(POLL_S)
        return value


def _read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
