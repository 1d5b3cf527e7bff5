"""`segue try`: somebody's own log through the whole service, on an empty stack of its own.

    catalogue from the log > broker, store, worker > replay flat out > wait > verify > figures

Everything is in a subfolder of the work folder that is emptied first, so that a trial neither sees
nor disturbs what `segue up` keeps.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from loadtest.footprint import footprint
from loadtest.lag import LagProbe
from loadtest.pace import FlatOut
from loadtest.producer import EventProducer
from loadtest.rig import RIG_STEPS, Rig, RigOptions, alone, running_rig
from loadtest.sending import send_all
from loadtest.stages import STAGES, Stages
from loadtest.watching import watching
from models.catalogs import build_log_catalog
from models.data.telling import JSONL, Telling, tell_log
from models.data.timed import TimedEvent
from service.core.errors import Refused
from service.core.events import Record
from service.embedded.broker import BrokerChoice
from service.embedded.stack import StackOptions
from service.embedded.steps import Say, Steps
from service.ops.ledger import Ledger
from service.ops.verify import verify
from service.ops.verify_report import as_json, is_sound
from service.settings import Settings

SUBFOLDER: Final = "try"
_LOOK_EVERY_S: Final = 0.5
_SAY_EVERY_S: Final = 5.0
_STALL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """What to try."""

    log: Path
    log_format: str
    broker: BrokerChoice = "auto"
    rows_max: int | None = None


@dataclass
class Flow:
    """What came out while the log went in."""

    stages: Stages = field(default_factory=Stages)
    slates: int = 0
    began_at_ns: int = 0
    last_at_ns: int = 0

    def see(self, record: Record, received_at_ns: int) -> None:
        """Count a slate."""
        self.slates += record.value is not None
        self.last_at_ns = received_at_ns
        self.stages.record(record, received_at_ns)

    @property
    def seconds(self) -> float:
        """From the first event sent to the last slate received."""
        return max(self.last_at_ns - self.began_at_ns, 0) / 1e9


@dataclass(frozen=True)
class Trial:
    """What a trial came to."""

    options: TrialOptions
    broker: str
    events: int
    telling: Telling
    flow: Flow
    sizes: dict[str, Any]
    ledger: Ledger

    @property
    def passed(self) -> bool:
        """Everything processed, and nothing wrong."""
        return is_sound(self.ledger) and self.ledger.facts.is_drained

    def as_json(self) -> dict[str, Any]:
        """One object."""
        flow, figures = self.flow, self.flow.stages.figures
        return {
            "log": self.options.log.name,
            "format": self.options.log_format,
            "broker": self.broker,
            "rows": self.telling.rows,
            "rows_without_event": self.telling.silent_rows,
            "events": self.events,
            "users": len(self.telling.users),
            "slates": flow.slates,
            "seconds": round(flow.seconds, 2),
            "slates_per_s": round(flow.slates / flow.seconds) if flow.seconds else 0,
            "events_per_s": round(self.events / flow.seconds) if flow.seconds else 0,
            "dead_letters": sum(self.ledger.letters.by_kind.values()),
            "p50_ms": round(flow.stages.total.at_ms(50), 1),
            "p99_ms": round(flow.stages.total.at_ms(99), 1),
            "stages": {stage: figures[stage].summary() for stage in STAGES},
            **self.sizes,
            "verified": self.passed,
            "verify": as_json(self.ledger),
        }


async def run_trial(settings: Settings, options: TrialOptions, say: Say) -> Trial:
    """Run it.

    Raises:
        Refused: The log does not fit its format.
        StepFailed: Something could not start, or ended by itself.
    """
    steps = Steps(say, RIG_STEPS + 3)
    catalog = settings.work_dir / SUBFOLDER / "catalog"
    with steps.step("catalogue") as outcome:
        outcome.text = f"{_build_catalog(options, catalog)} items, from the log"
    stack = StackOptions(broker=options.broker, fresh=True, subfolder=SUBFOLDER)
    rig_options = RigOptions(catalog=catalog, stack=stack)
    async with running_rig(alone(settings), rig_options, steps) as rig:
        telling, flow = Telling(), Flow()
        events = tell_log(
            options.log, options.log_format, rows_max=options.rows_max, telling=telling
        )
        with steps.step("replay") as outcome:
            sent = await send_through(rig, events, flow, say)
            outcome.text = f"{sent} events in, {flow.slates} slates out"
        with steps.step("verify") as outcome:
            ledger = await verify(rig.settings, until_drained_s=_STALL_S)
            outcome.text = "clean" if is_sound(ledger) else "NOT clean"
        gone = flow.slates - ledger.slates.slates
        if rig.stack.broker == "mock" and gone > 0:
            steps.warn(
                f"{gone} of {flow.slates} slates were gone before they could be verified: the mock"
                " cluster keeps the newest 5 MiB of a partition; use --broker real, or --limit"
            )
        sizes = await footprint(rig.stack.redis_url, rig.worker_pid)
        return Trial(options, rig.stack.broker, sent, telling, flow, sizes, ledger)


async def send_through(rig: Rig, events: Iterable[TimedEvent], flow: Flow, say: Say) -> int:
    """Send events flat out and wait until the worker has finished them; return how many."""
    bootstrap, topics = rig.stack.bootstrap, rig.settings.topics
    async with (
        LagProbe.open(rig.settings) as probe,
        EventProducer(bootstrap, topics.events) as producer,
        watching(bootstrap, topics.slates, flow.see),
    ):
        flow.began_at_ns = time.time_ns()
        sent = await send_all(events, FlatOut(), producer)
        await producer.flush()
        await wait_until_drained(rig, probe, flow, say)
        return sent


async def wait_until_drained(rig: Rig, probe: LagProbe, flow: Flow, say: Say) -> None:
    """Return once everything is committed; give up when nothing has moved for a minute.

    What is left then is for the verdict to show: it is no reason to lose the other figures.
    """
    said = moved = time.monotonic()
    before = -1
    while (lag := await probe.records()) and time.monotonic() - moved < _STALL_S:
        rig.check()
        moved = moved if lag == before else time.monotonic()
        before = lag
        if time.monotonic() - said >= _SAY_EVERY_S:
            said = time.monotonic()
            say(f"      {lag} events to go, {flow.slates} slates so far")
        await asyncio.sleep(_LOOK_EVERY_S)


def _build_catalog(options: TrialOptions, folder: Path) -> int:
    if options.log_format == JSONL:
        raise Refused(
            "a catalogue cannot be built from a file of events; build one from the log they came"
            " from (`segue catalog build`), start `segue up` on it and use `segue replay`"
        )
    try:
        return len(build_log_catalog(options.log, options.log_format, folder))
    except ValueError as error:  # the readers' errors say file and column
        raise Refused(str(error)) from error
