"""The HTTP side while Redis or Kafka is away: it says so in time, serves what it can, and returns.

A server that hangs (SIGSTOP) is the harder case, because nothing refuses a connection; one that was
killed is the other.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from service.embedded.fleet import Member, running_fleet
from service.embedded.kafka import KafkaPlace, start_kafka
from service.embedded.process import Child
from service.embedded.valkey import start_valkey
from service.settings import Settings
from tests.conftest import JARS, KafkaForTest
from tests.integration.small_log import environment, make_plays, with_catalog

ANSWER_S = 10.0  # no probe and no request may take longer, whoever is away
AWAY = [signal.SIGSTOP, signal.SIGKILL]
LIKED = {"type": "liked", "item_id": "i1", "content_type": "music"}


@dataclass
class Api:
    """A running API, and how to ask it."""

    process: Member
    http: httpx2.AsyncClient

    async def checks(self) -> dict[str, str]:
        """What /readyz says of each part; the status agrees with it."""
        answer = await self.http.get("/readyz")
        said: dict[str, str] = answer.json()["checks"]
        assert answer.status_code == (200 if set(said.values()) == {"ok"} else 503)
        return said

    async def is_ready(self) -> bool:
        return set((await self.checks()).values()) == {"ok"}

    async def send(self) -> int:
        return (await self.http.post("/v1/users/u1/events", json=LIKED)).status_code


@asynccontextmanager
async def running_api(settings: Settings) -> AsyncIterator[Api]:
    """An API process; it has to be alive to the end, and to end by itself when told to."""
    async with running_fleet(settings, environment(settings), workers=0) as fleet:
        assert fleet.api is not None
        async with httpx2.AsyncClient(base_url=fleet.api.health_url, timeout=ANSWER_S) as http:
            yield Api(fleet.api, http)
            assert (await http.get("/livez")).status_code == 200
        child = fleet.api.child
    assert child.exit_code() == 0, child.failure("the API did not end in peace")


def take_away(server: Child, how: signal.Signals) -> None:
    os.killpg(server.pid, how)


async def bring_back(server: Child, api: Api) -> None:
    os.killpg(server.pid, signal.SIGCONT)
    await api.process.child.wait_until(api.is_ready, 60)


def put_down(server: Child) -> None:
    """Stop a server, also one that hangs."""
    if server.exit_code() is None:
        os.killpg(server.pid, signal.SIGCONT)
    server.stop()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", AWAY)
async def test_without_redis_no_slate_is_read_and_events_still_go_in(
    kafka: KafkaForTest, tmp_path: Path, how: signal.Signals
) -> None:
    valkey = await start_valkey(tmp_path / "valkey", tmp_path / "logs")
    settings = with_catalog(kafka.settings(valkey.url), make_plays(50), tmp_path / "catalog")
    await kafka.make_topics(settings)
    try:
        async with running_api(settings) as api:
            assert await api.is_ready()
            take_away(valkey.child, how)
            checks = await api.checks()
            assert {name for name, said in checks.items() if said != "ok"} == {"slate_cache"}
            assert (await api.http.get("/v1/users/u1/slate")).status_code == 503
            assert await api.send() == 202
            if how is signal.SIGSTOP:
                await bring_back(valkey.child, api)
    finally:
        put_down(valkey.child)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("kafka_bootstrap")  # skips where there is no Java
@pytest.mark.parametrize("how", AWAY)
async def test_without_kafka_no_event_goes_in_and_slates_are_still_read(
    valkey_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    node = await start_kafka(KafkaPlace(tmp_path / "kafka", tmp_path / "logs", JARS))
    ours = KafkaForTest(node.bootstrap, "outage.")
    settings = with_catalog(ours.settings(valkey_url), make_plays(50), tmp_path / "catalog")
    await ours.make_topics(settings)
    try:
        async with running_api(settings) as api:
            assert await api.send() == 202
            take_away(node.child, how)
            checks = await api.checks()
            assert {n for n, said in checks.items() if said != "ok"} == {"event_log", "slate_feed"}
            assert (await api.http.get("/v1/users/u1/slate")).status_code == 404  # none, but known
            assert await api.send() == 503
            if how is signal.SIGSTOP:
                await bring_back(node.child, api)
                assert await api.send() == 202
    finally:
        put_down(node.child)
