"""Every address a cluster advertises, asked one by one: the commonest way to be unreachable.

A client bootstraps at one address and then talks to those that the brokers advertise. A wrong one
among them (a container's name, say) shows only later, as a timeout of something else.
"""

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from service.adapters.cluster import Broker
from service.core.errors import Unavailable

CONNECT_TIMEOUT_S: Final = 3.0


async def advertised_brokers(bootstrap: str) -> list[Broker]:
    """Return the brokers as one address tells them, without talking to any of them.

    Raises:
        Unavailable: Nothing that speaks Kafka answers there.
    """
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap,
        client_id="segue-doctor",
        request_timeout_ms=int(CONNECT_TIMEOUT_S * 1000),
    )
    try:
        with _quiet():
            async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
                await client.bootstrap()
        found = client.cluster.brokers()
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"no Kafka answers at {bootstrap}: {error or 'timeout'}") from error
    finally:
        await client.close()
    return sorted(
        (Broker(one.nodeId, one.host, one.port) for one in found), key=lambda one: one.node_id
    )


async def unreachable(brokers: Sequence[Broker]) -> list[tuple[Broker, str]]:
    """Return the brokers that do not answer at the address they advertise, and why."""
    reasons = await asyncio.gather(*(_why_unreachable(broker) for broker in brokers))
    return [(one, why) for one, why in zip(brokers, reasons, strict=True) if why is not None]


async def _why_unreachable(broker: Broker) -> str | None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(broker.host, broker.port)
    except TimeoutError:
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    except OSError as error:
        return _reason(error)
    writer.close()
    try:
        told = await advertised_brokers(f"{broker.host}:{broker.port}")
    except Unavailable:
        return "something answers, but it is not Kafka"
    if broker.node_id not in {one.node_id for one in told}:
        return "a Kafka of another cluster answers"
    return None


def _reason(error: OSError) -> str:
    """The system's words: asyncio's own say only that a call failed."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """The client logs what the caller is about to say better."""
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
