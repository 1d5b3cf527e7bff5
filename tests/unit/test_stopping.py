"""Stopping a Kafka client takes a bounded time, and what the client does to itself is its own."""

import asyncio

import pytest

from service.adapters.stopping import stop_in_time


class Hanging:
    def __init__(self) -> None:
        self.was_given_up = False

    async def stop(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.was_given_up = True


class CancelsItself:
    async def stop(self) -> None:
        raise asyncio.CancelledError


class Broken:
    async def stop(self) -> None:
        raise OSError("no such socket")


async def test_a_client_that_hangs_is_given_up() -> None:
    client = Hanging()
    await stop_in_time(client, timeout_s=0.01)
    await asyncio.sleep(0)
    assert client.was_given_up


async def test_a_client_that_ends_as_cancelled_has_stopped() -> None:
    await stop_in_time(CancelsItself())


async def test_any_other_failure_is_told() -> None:
    with pytest.raises(OSError, match="no such socket"):
        await stop_in_time(Broken())


async def test_who_waits_may_be_cancelled_and_takes_the_client_along() -> None:
    client = Hanging()
    waiting = asyncio.create_task(stop_in_time(client))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)
    assert waiting.cancelled()
    assert client.was_given_up
