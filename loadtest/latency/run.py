"""The latency check from start to end: processes, cores, slices, verdict.

With two cores or more, the process under test has one to itself (worker and echo share it, and take
turns); broker, store and this generator have the others. With one core, it says so.
"""

import asyncio
import os
import secrets
import selectors
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from loadtest.latency.crowd import crowd_events, make_stories
from loadtest.latency.measure import Measurement, Side
from loadtest.latency.plan import System, slices
from loadtest.latency.report import Verdict, judge
from loadtest.producer import EventProducer
from loadtest.rig import RIG_STEPS, Rig, RigOptions, alone, pin, running_rig
from loadtest.watching import watching
from loadtest.world_folder import world_folder
from service.embedded.broker import BrokerChoice
from service.embedded.process import Child
from service.embedded.stack import StackOptions
from service.embedded.steps import Say, Steps
from service.embedded.topics import TopicSpec
from service.settings import Settings

ECHO_IN: Final = "segue.loadtest.echo-in"
ECHO_OUT: Final = "segue.loadtest.echo-out"


@dataclass(frozen=True, slots=True)
class LatencyOptions:
    """What to measure."""

    rate: float = 500.0
    seconds: float = 20.0  # measured, of each of the two
    users: int = 2_000
    broker: BrokerChoice = "auto"


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that wakes when asked: others round waits up to whole milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def run_latency(settings: Settings, options: LatencyOptions, say: Say) -> Verdict:
    """Measure and judge. Run it on a `precise_loop`.

    Raises:
        StepFailed, Unavailable: The stack did not come up, or broke.
    """
    world, catalog = world_folder(settings.work_dir)
    stories = make_stories(world)
    ours, tested = _share_cores()
    partitions = settings.kafka.partitions
    rig_options = RigOptions(
        catalog=catalog,
        stack=StackOptions(
            broker=options.broker, fresh=True, profile="bench", subfolder="loadtest"
        ),
        topics=[TopicSpec(name, partitions) for name in (ECHO_IN, ECHO_OUT)],
    )
    events = crowd_events(stories, options.users, secrets.token_hex(3))
    with _on_cores(ours):
        async with (
            running_rig(alone(settings), rig_options, Steps(say, RIG_STEPS)) as rig,
            _echoing(rig) as echo,
            _sides(rig) as sides,
        ):
            pinned = bool(tested) and all(pin(pid, tested) for pid in (rig.worker_pid, echo.pid))
            measurement = Measurement(sides, events, options.rate)
            await _run_slices(measurement, options, rig, say)
            return judge(measurement, conditions=_conditions(options, rig, pinned))


async def _run_slices(
    measurement: Measurement, options: LatencyOptions, rig: Rig, say: Say
) -> None:
    plan = list(slices(options.seconds))
    for number, piece in enumerate(plan, start=1):
        await measurement.run(piece)
        rig.check()
        what = f"{piece.measured_s:g} s" if piece.measured_s else "warm-up"
        say(f"      slice {number}/{len(plan)}: {piece.system}, {what}")


@asynccontextmanager
async def _echoing(rig: Rig) -> AsyncIterator[Child]:
    command = [sys.executable, "-m", "loadtest.latency.echo"]
    arguments = [rig.stack.bootstrap, ECHO_IN, ECHO_OUT]
    child = Child.start("the echo", [*command, *arguments], rig.stack.work_dir / "logs/echo.log")
    try:
        yield child
    finally:
        child.stop()


@asynccontextmanager
async def _sides(rig: Rig) -> AsyncIterator[dict[System, Side]]:
    bootstrap, topics = rig.stack.bootstrap, rig.settings.topics
    async with (
        EventProducer(bootstrap, topics.events) as to_segue,
        EventProducer(bootstrap, ECHO_IN) as to_echo,
    ):
        segue, echo = Side(to_segue), Side(to_echo)
        async with (
            watching(bootstrap, topics.slates, segue.see_slate),
            watching(bootstrap, ECHO_OUT, echo.see_echo),
        ):
            yield {"segue": segue, "echo": echo}


def _share_cores() -> tuple[set[int], set[int]]:
    """Return (broker's, store's and generator's cores, the tested process's), empty if too few."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    cores = sorted(os.sched_getaffinity(0))
    return (set(cores[:-1]), {cores[-1]}) if len(cores) > 1 else (set(), set())


@contextmanager
def _on_cores(cores: set[int]) -> Iterator[None]:
    """Keep this thread, and the processes started from it, on some cores for a while."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _conditions(options: LatencyOptions, rig: Rig, pinned: bool) -> dict[str, Any]:
    return {
        "users": options.users,
        "seconds": options.seconds,
        "broker": rig.stack.broker,
        "cores": os.cpu_count(),
        "pinned": pinned,
    }
