"""Start everything the service leans on, in order, and stop it again.

    broker > state store > topics > (the caller's own steps)

Each step waits on the one before. Two stacks on one work folder would write each other's files,
so the folder is locked. It knows neither the worker nor the API: see fleet.py.
"""

import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.embedded.broker import (
    Broker,
    BrokerChoice,
    BrokerKind,
    BrokerRequest,
    start_broker,
)
from service.embedded.kafka import KafkaPlace
from service.embedded.kafka_config import Profile
from service.embedded.process import Child
from service.embedded.steps import StepFailed, Steps
from service.embedded.topics import (
    create_topics,
    topic_specs,
    touch_coordinator,
    wait_for_topics,
)
from service.embedded.valkey import start_valkey
from service.settings import Settings, variable_of

STEPS: Final = 3  # how many numbered lines `embedded_stack` says


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How to start the stack.

    Attributes:
        broker: Which broker; auto takes the settings' own, else real Kafka, else the mock.
        fresh: Forget the events and the state of earlier runs.
        profile: The size of Kafka's JVM.
        subfolder: Of the work folder, for data and logs apart from the main stack's; Kafka's jars
            stay shared.
    """

    broker: BrokerChoice = "auto"
    fresh: bool = False
    profile: Profile = "small"
    subfolder: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where it listens."""

    settings: Settings
    broker: BrokerKind
    bootstrap: str
    redis_url: str
    work_dir: Path  # absolute

    def environment(self) -> dict[str, str]:
        """Return the variables that point a worker or API process at this stack."""
        return {
            variable_of("kafka", "bootstrap"): self.bootstrap,
            variable_of("redis", "url"): self.redis_url,
            variable_of("work_dir"): str(self.work_dir),
        }


@asynccontextmanager
async def embedded_stack(
    settings: Settings, options: StackOptions, steps: Steps
) -> AsyncIterator[Stack]:
    """Run a broker and a store, with the topics made, for the length of the block.

    Call it on the main thread: children die with the thread that started them.

    Raises:
        StepFailed: A step cannot go on. What was started before is stopped.
    """
    shared = settings.work_dir.resolve()
    work_dir = shared / options.subfolder
    async with AsyncExitStack() as cleanup:
        cleanup.enter_context(_locked(work_dir))
        with steps.step("broker") as outcome:
            broker = await start_broker(settings, _broker_request(options, work_dir, shared), steps)
            _stop_later(cleanup, broker.child)
            outcome.text = f"{broker.title} -> {broker.bootstrap}"
        with steps.step("state store") as outcome:
            redis_url, title, child = await _start_store(settings, options, broker.kind, work_dir)
            _stop_later(cleanup, child)
            outcome.text = f"{title} -> {redis_url}"
        with steps.step("topics") as outcome:
            outcome.text = await _prepare_topics(settings, broker)
        yield Stack(settings, broker.kind, broker.bootstrap, redis_url, work_dir)


def _broker_request(options: StackOptions, work_dir: Path, shared: Path) -> BrokerRequest:
    place = KafkaPlace(
        data=work_dir / "kafka" / "data", logs=work_dir / "logs", jars=shared / "kafka"
    )
    return BrokerRequest(options.broker, options.profile, options.fresh, place)


async def _start_store(
    settings: Settings, options: StackOptions, broker: BrokerKind, work_dir: Path
) -> tuple[str, str, Child | None]:
    if "url" in settings.redis.model_fields_set:
        return settings.redis.url, "given by SEGUE_REDIS__URL", None
    # State carries offsets of its log: kept state beside a mock's new log would be nonsense.
    forgets = broker == "mock"
    data = work_dir / ("valkey-mock" if forgets else "valkey")
    fresh = options.fresh or forgets
    server = await start_valkey(data, work_dir / "logs", fresh=fresh)
    return server.url, "Valkey (embedded)", server.child


async def _prepare_topics(settings: Settings, broker: Broker) -> str:
    specs = topic_specs(settings)
    made: list[str] = []
    if broker.kind != "mock":  # a mock cluster makes a topic when it is first asked for
        made = await create_topics(broker.bootstrap, specs)
    found = await wait_for_topics(broker.bootstrap, specs)
    events = settings.topics.events
    if broker.kind != "given" and found[events] != settings.kafka.partitions:
        raise StepFailed(
            what=f"{events} has {found[events]} partitions, not {settings.kafka.partitions}",
            why="an earlier run made it; a session's partition cannot change with its log kept",
            remedy="start with --fresh, or set SEGUE_KAFKA__PARTITIONS back",
        )
    await touch_coordinator(broker.bootstrap, settings.kafka.group, events)
    shown = " · ".join(f"{name} x{count}" for name, count in found.items())
    return f"{shown} ({len(made)} new)"


def _stop_later(cleanup: AsyncExitStack, child: Child | None) -> None:
    if child is not None:
        cleanup.callback(child.stop)


@contextmanager
def _locked(work_dir: Path) -> Iterator[None]:
    """Hold the work folder; the kernel lets go of it when this process ends, however it ends."""
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepFailed(
                what=f"another Segue uses the folder {work_dir}",
                why="two brokers on the same data would damage it",
                remedy="stop the other one, or set SEGUE_WORK_DIR to another folder",
            ) from error
        yield
