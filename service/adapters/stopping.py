"""How a Kafka client is stopped: in bounded time, whatever the broker does.

Left alone, aiokafka's `stop()` waits until all that is buffered was sent or has expired, which with
no broker takes longer than whoever sent SIGTERM waits; and it ends as if cancelled when a fetch has
just failed. Nothing hangs on what is given up here: only acknowledged records were ever counted.
"""

import asyncio
import logging
from typing import Any, Final, Protocol

STOP_TIMEOUT_S: Final = 4.0

logger = logging.getLogger(__name__)


class Stoppable(Protocol):
    """A client that connects to a broker."""

    async def stop(self) -> Any:
        """Disconnect."""
        ...


async def stop_in_time(client: Stoppable, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop the client; after `timeout_s`, leave it as it is."""
    stopping = asyncio.ensure_future(client.stop())
    try:
        done, _ = await asyncio.wait([stopping], timeout=timeout_s)
    finally:
        stopping.cancel()
    if not done:
        name = type(client).__name__
        logger.warning("%s did not stop within %g s: is the broker there?", name, timeout_s)
    elif not stopping.cancelled():
        stopping.result()
