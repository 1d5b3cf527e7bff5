"""The HTTP side put together: routes over ports, run until they are told to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service.api.connect import connected
from service.api.deps import ApiDeps
from service.api.documents import document_routes
from service.api.events import event_routes
from service.api.guard import Guarded
from service.api.health import health_routes
from service.api.items import item_routes
from service.api.metrics import Measured
from service.api.problems import install_problems
from service.api.server import run_server
from service.api.slates import slate_routes
from service.api.states import state_routes
from service.settings import Settings

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run on real ports until SIGTERM or SIGINT; then end the streams and close everything.

    Raises:
        Unavailable: Kafka or Redis did not answer in time.
        Refused: There is no catalogue that this service can read.
        OSError: The address cannot be listened on.
    """
    async with connected(settings) as deps:
        app = create_app(deps)
        await run_server(app, settings.api.host, settings.api.port, deps.hub.close)


def create_app(deps: ApiDeps) -> FastAPI:
    """Build the app. While it runs, one task carries slates from the feed to the hub."""
    pump = _Pump(deps)
    app = FastAPI(
        title="Segue",
        version="1",
        description="Slates out, playback events and steering in.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=pump.lifespan,
    )
    install_problems(app)
    for routes in (
        slate_routes(deps),
        event_routes(deps),
        state_routes(deps),
        item_routes(deps),
        document_routes(deps),
        health_routes(deps, pump.is_running),
    ):
        app.include_router(routes)
    deps.metrics.observe(deps.hub)
    app.add_middleware(Guarded)
    app.add_middleware(Measured, metrics=deps.metrics)
    return app


class _Pump:
    """Carries slates from the feed to the hub for as long as the app runs."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._task: asyncio.Task[None] | None = None

    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._task = asyncio.create_task(self._run(), name="slate-pump")
        self._task.add_done_callback(_report)
        try:
            yield
        finally:
            self._deps.hub.close()
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        async for records in self._deps.feed.batches():
            for record in records:
                self._deps.hub.receive(record)
            await asyncio.sleep(0)  # a full backlog must not keep the streams waiting


def _report(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.error("the slate feed ended; streams are silent until a restart: %r", error)
