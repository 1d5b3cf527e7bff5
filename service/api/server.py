"""uvicorn, told by us when to stop: left alone, it ends the process before the ports are closed."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
GRACE_S: Final = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def run_server(app: FastAPI, host: str, port: int, on_stop: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT. `on_stop` ends what would otherwise never end: streams.

    Raises:
        OSError: The address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # addresses name users
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="on",
    )
    server = _Server(config)

    def stop() -> None:
        on_stop()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await server.serve()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
