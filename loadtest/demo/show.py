"""The demo from start to end: world, stack, listeners, figures.

The listeners are made in a thread while the broker starts: both take seconds.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtest.demo.audience import ANSWER_MS, Audience, speed_for
from loadtest.demo.board import open_board
from loadtest.demo.score import Score
from loadtest.footprint import footprint
from loadtest.lag import LagProbe
from loadtest.producer import EventProducer
from loadtest.rig import RIG_STEPS, Rig, RigOptions, running_rig
from loadtest.watching import watching
from loadtest.world.catalogue import World
from loadtest.world_folder import world_folder
from models.data.timed import timed
from service.embedded.broker import BrokerChoice
from service.embedded.stack import StackOptions
from service.embedded.steps import Say, Steps
from service.settings import Settings

_NAP_S: Final = 0.25
_DRAW_EVERY_S: Final = 0.5
_LINE_EVERY_S: Final = 5.0
_DRAIN_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How the demo runs.

    Attributes:
        seconds: How long the listeners listen; None for until Ctrl-C.
        rate: About so many events a second, of all listeners together.
        listeners: How many.
        broker: Which broker.
        live: Draw the live table; else print a line now and then.
        colour: Whether warnings may be coloured.
    """

    seconds: float | None = None
    rate: float = 30.0
    listeners: int = 60
    broker: BrokerChoice = "auto"
    live: bool = True
    colour: bool = False


async def run_demo(settings: Settings, options: DemoOptions, say: Say) -> dict[str, Any]:
    """Run it and return what it came to.

    Raises:
        StepFailed: Something could not start, or ended by itself.
    """
    began = time.monotonic()
    steps = Steps(say, RIG_STEPS + 2, colour=options.colour)
    with steps.step("world") as outcome:
        world, catalog = world_folder(settings.work_dir)
        outcome.text = f"{len(world)} items -> {catalog}"
    making = asyncio.create_task(asyncio.to_thread(_audience, world, options))
    async with running_rig(settings, _rig_options(catalog, options), steps) as rig:
        with steps.step("listeners") as outcome:
            audience = await making
            outcome.text = f"{len(audience)} listeners, about {options.rate:g} events/s"
        ready_s = time.monotonic() - began
        _say_ready(say, rig, ready_s)
        async with _score(rig, audience) as (score, probe):
            await _play(score, probe, rig, options, say)
            sizes = await footprint(rig.stack.redis_url, rig.worker_pid)
        return {
            "ready_s": round(ready_s, 1),
            "broker": rig.stack.broker,
            **score.as_json(),
            **sizes,
        }


def _audience(world: World, options: DemoOptions) -> Audience:
    return Audience(world, options.listeners, secrets.token_hex(3))


def _rig_options(catalog: Path, options: DemoOptions) -> RigOptions:
    return RigOptions(catalog=catalog, stack=StackOptions(broker=options.broker), with_api=True)


def _say_ready(say: Say, rig: Rig, ready_s: float) -> None:
    address = rig.fleet.api.health_url if rig.fleet.api else ""
    say(f"\nready after {ready_s:.1f} s. Open {address}   ·   Ctrl-C stops")
    say(f"in another terminal: kcat -b {rig.stack.bootstrap} -t {rig.settings.topics.slates} -C\n")


@asynccontextmanager
async def _score(rig: Rig, audience: Audience) -> AsyncIterator[tuple[Score, LagProbe]]:
    bootstrap, topics = rig.stack.bootstrap, rig.settings.topics
    async with (
        LagProbe.open(rig.settings) as probe,
        EventProducer(bootstrap, topics.events) as producer,
    ):
        score = Score(audience, producer)
        async with watching(bootstrap, topics.slates, score.see):
            yield score, probe


async def _play(score: Score, probe: LagProbe, rig: Rig, options: DemoOptions, say: Say) -> None:
    """Let the listeners listen; watch over the processes meanwhile; then let the worker finish."""
    speed = speed_for(options.rate, len(score.audience))
    listening = asyncio.create_task(listen(score, speed, options.seconds))
    watching_over = asyncio.create_task(_watch_over(score, probe, rig, options, say))
    tasks = {listening, watching_over}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await _drain(score, probe)
    say(score.line())


async def listen(score: Score, speed: float, seconds: float | None) -> None:
    """Send every event when it is due, by the compressed clock; None: until cancelled."""
    audience, producer = score.audience, score.producer
    score.started_s = time.monotonic()
    first_ms = audience.next_ms
    while seconds is None or score.elapsed_s < seconds:
        early_s = (audience.next_ms - first_ms) / (1000 * speed) - score.elapsed_s
        if early_s > 0:
            await asyncio.sleep(min(early_s, _NAP_S))
            continue
        event = audience.act(time.time_ns() // 1_000_000, ANSWER_MS * speed)
        await producer.send(timed(event))
    await producer.flush()


async def _watch_over(
    score: Score, probe: LagProbe, rig: Rig, options: DemoOptions, say: Say
) -> None:
    address = rig.fleet.api.health_url if rig.fleet.api else ""
    if not options.live:
        while True:
            await asyncio.sleep(_LINE_EVERY_S)
            await _look(score, probe, rig)
            say(score.line())
    with open_board(address) as board:
        while True:
            await _look(score, probe, rig)
            board.draw(score)
            await asyncio.sleep(_DRAW_EVERY_S)


async def _look(score: Score, probe: LagProbe, rig: Rig) -> None:
    rig.check()
    score.lag_records = await probe.records()
    score.dead_letters = await probe.dead_letters()


async def _drain(score: Score, probe: LagProbe) -> None:
    """Wait until the worker has committed everything; its slates are published by then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while await probe.records():  # noqa: ASYNC110  a commit sets no event of ours
                await asyncio.sleep(_NAP_S)
            await asyncio.sleep(_NAP_S)
    score.lag_records, score.dead_letters = await probe.records(), await probe.dead_letters()
