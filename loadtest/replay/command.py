"""What `segue replay` does: a log to the broker of the settings, at a pace."""

import time
from dataclasses import dataclass
from pathlib import Path

from loadtest.pace import FlatOut, LogPace, Pace, SteadyPace
from loadtest.producer import EventProducer
from loadtest.sending import send_all
from models.data.telling import Telling, tell_log
from service.embedded.steps import Say
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to send, and how fast.

    Attributes:
        log: The log.
        log_format: What it is written in.
        speed: Keep the log's rhythm, so many times faster. Event times stay the log's own.
        rate: Events a second, when there is no `speed`; None is as fast as they are taken.
        rows_max: Stop after so many rows.
        cloud_events: Send CloudEvents headers too.
    """

    log: Path
    log_format: str
    speed: float | None = None
    rate: float | None = None
    rows_max: int | None = None
    cloud_events: bool = False

    @property
    def pace(self) -> Pace:
        """When events are due."""
        if self.speed is not None:
            return LogPace(self.speed)
        return FlatOut() if self.rate is None else SteadyPace(self.rate)


async def run_replay(settings: Settings, options: ReplayOptions, say: Say) -> int:
    """Send the log; return how many events every broker in sync has.

    Raises:
        Refused: The log does not fit its format.
        Unavailable: The broker did not take an event.
    """
    telling, began = Telling(), time.monotonic()
    events = tell_log(options.log, options.log_format, rows_max=options.rows_max, telling=telling)
    async with EventProducer(
        settings.kafka.bootstrap, settings.topics.events, cloud_events=options.cloud_events
    ) as producer:
        await send_all(events, options.pace, producer)
        await producer.flush()
    seconds = time.monotonic() - began
    say(
        f"{producer.acknowledged} events of {len(telling.users)} users from {telling.rows} rows"
        f" -> {settings.topics.events} at {settings.kafka.bootstrap} in {seconds:.1f} s"
    )
    if telling.silent_rows:
        say(f"{telling.silent_rows} rows take a verdict back: no event says that, none was sent")
    return producer.acknowledged
