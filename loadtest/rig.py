"""A stack with a fleet on it, for traffic to go through: what try, demo and loadtest stand on."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.embedded.fleet import Fleet, running_fleet
from service.embedded.stack import STEPS, Stack, StackOptions, embedded_stack
from service.embedded.steps import Steps
from service.embedded.topics import TopicSpec, create_topics, wait_for_topics
from service.settings import KafkaSettings, RedisSettings, Settings, variable_of

RIG_STEPS: Final = STEPS + 1  # how many numbered lines `running_rig` says


@dataclass(frozen=True, slots=True)
class RigOptions:
    """What to run.

    Attributes:
        catalog: The catalogue folder that worker and API read.
        stack: How to start broker and store.
        workers: How many worker processes.
        with_api: Whether the HTTP API and the page run too.
        topics: Topics beside the service's own.
        environment: Variables of the worker and the API beside those of the stack.
    """

    catalog: Path
    stack: StackOptions = field(default_factory=StackOptions)
    workers: int = 1
    with_api: bool = False
    topics: Sequence[TopicSpec] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything runs. `settings` are those of the processes: their addresses, their catalogue."""

    settings: Settings
    stack: Stack
    fleet: Fleet

    @property
    def worker_pid(self) -> int:
        """The first worker's process id."""
        return self.fleet.workers[0].child.pid

    def check(self) -> None:
        """Return while everything runs.

        Raises:
            StepFailed: A process has ended by itself.
        """
        if (member := self.fleet.ended()) is not None:
            code = member.child.exit_code()
            raise member.child.failure(f"{member.child.name} ended with exit code {code}")


@asynccontextmanager
async def running_rig(settings: Settings, options: RigOptions, steps: Steps) -> AsyncIterator[Rig]:
    """Start broker, store, workers and perhaps the API; stop them in reverse.

    Raises:
        StepFailed: A step could not go on.
    """
    async with AsyncExitStack() as cleanup:
        stack = await cleanup.enter_async_context(embedded_stack(settings, options.stack, steps))
        if options.topics:
            await create_topics(stack.bootstrap, list(options.topics))
            await wait_for_topics(stack.bootstrap, list(options.topics))
        pointed = _pointed_at(settings, stack, options.catalog)
        environment = {
            **stack.environment(),
            **options.environment,
            variable_of("catalog", "path"): str(options.catalog.resolve()),
        }
        with steps.step("worker and API" if options.with_api else "worker") as outcome:
            fleet = await cleanup.enter_async_context(
                running_fleet(
                    pointed, environment, workers=options.workers, with_api=options.with_api
                )
            )
            outcome.text = "ready"
        yield Rig(pointed, stack, fleet)


def alone(settings: Settings) -> Settings:
    """The settings without an own broker and store: what is thrown away must not mix with them."""
    kafka = settings.kafka.model_dump(exclude_unset=True, exclude={"bootstrap"})
    redis = settings.redis.model_dump(exclude_unset=True, exclude={"url"})
    changes = {"kafka": KafkaSettings(**kafka), "redis": RedisSettings(**redis)}
    return settings.model_copy(update=changes)


def _pointed_at(settings: Settings, stack: Stack, catalog: Path) -> Settings:
    """The settings as the rig's processes have them."""
    changes: dict[str, Any] = {
        "kafka": settings.kafka.model_copy(update={"bootstrap": stack.bootstrap}),
        "redis": settings.redis.model_copy(update={"url": stack.redis_url}),
        "catalog": settings.catalog.model_copy(update={"path": catalog}),
        "work_dir": stack.work_dir,
    }
    return settings.model_copy(update=changes)


def pin(pid: int, cores: set[int]) -> bool:
    """Keep a process and the threads it has on some cores; say whether the system could."""
    tasks = Path(f"/proc/{pid}/task")
    if not (hasattr(os, "sched_setaffinity") and tasks.is_dir()):
        return False
    for task in tasks.iterdir():
        os.sched_setaffinity(int(task.name), cores)  # threads to come inherit it
    return True
