"""What `segue up` does: stack, worker and API in order, then wait to be stopped."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final

from service.embedded.fleet import Fleet, running_fleet
from service.embedded.stack import STEPS, StackOptions, embedded_stack
from service.embedded.steps import StepFailed, Steps
from service.settings import Settings

_WATCH_S: Final = 0.5


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, or until SIGINT or SIGTERM cancels it and its blocks clean up."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def serve_everything(settings: Settings, options: StackOptions) -> None:
    """Start everything, say where it is, and watch it until cancelled.

    Raises:
        StepFailed: A step could not go on, or a process ended by itself.
    """
    _need_catalogue(settings)
    steps = Steps(_say, total=STEPS + 1, colour=sys.stdout.isatty())
    async with embedded_stack(settings, options, steps) as stack, AsyncExitStack() as cleanup:
        with steps.step("worker and API") as outcome:
            fleet = await cleanup.enter_async_context(running_fleet(settings, stack.environment()))
            outcome.text = f"logs in {stack.work_dir / 'logs'}"
        address = fleet.api.health_url if fleet.api else ""
        _say(f"\nOpen {address}   ·   segue tail   ·   segue doctor   ·   Ctrl-C stops")
        await watch(fleet)


async def watch(fleet: Fleet) -> None:
    """Look after the processes until cancelled.

    Raises:
        StepFailed: One of them has ended by itself.
    """
    while (member := fleet.ended()) is None:  # noqa: ASYNC110  a process's end sets no event
        await asyncio.sleep(_WATCH_S)
    raise member.child.failure(f"{member.child.name} ended, exit code {member.child.exit_code()}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # a pipe would hold it back until the end


def _need_catalogue(settings: Settings) -> None:
    if not (settings.catalog.path / "catalog.json").is_file():
        raise StepFailed(
            what=f"no catalogue in {settings.catalog.path}",
            why="a worker ranks items of a catalogue, and this folder has no catalog.json",
            remedy="build one with `segue catalog build`, or run `segue demo`: it brings its own",
        )
