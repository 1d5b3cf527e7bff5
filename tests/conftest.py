"""What every tier may use: Hypothesis profiles, and real servers started once per session.

`kafka` and `valkey` are the real things. Where Java or Maven is missing, a test that asks for Kafka
is skipped with the reason; in CI (CI=true) it fails, so that nothing is skipped unseen.
"""

import asyncio
import os
import socket
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from service.embedded.java import why_no_kafka
from service.embedded.kafka import KafkaPlace, start_kafka
from service.embedded.topics import create_topics, topic_specs, wait_for_topics
from service.embedded.valkey import start_valkey
from service.settings import KafkaSettings, RedisSettings, Settings, TopicSettings

ROOT = Path(__file__).resolve().parent.parent
JARS = ROOT / ".segue" / "kafka"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

_Answer = TypeVar("_Answer")

# Shared machines stall: a deadline per example would fail tests that are right.
hypothesis_settings.register_profile("fast", max_examples=15, deadline=None)
hypothesis_settings.register_profile("dev", max_examples=60, deadline=None)
hypothesis_settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("ci" if IN_CI else "dev")


@dataclass(frozen=True, slots=True)
class KafkaForTest:
    """A real broker, and names of this test's own on it."""

    bootstrap: str
    prefix: str  # starts every topic and group of this test

    def settings(self, redis_url: str = "redis://127.0.0.1:6379/0") -> Settings:
        """Return settings whose topics and group belong to this test alone."""
        names = {name: f"{self.prefix}{name}" for name in TopicSettings.model_fields}
        return Settings(
            kafka=KafkaSettings(bootstrap=self.bootstrap, group=f"{self.prefix}worker"),
            topics=TopicSettings(**names),
            redis=RedisSettings(url=redis_url),
        )

    async def make_topics(self, settings: Settings) -> None:
        """Create this test's topics and wait for their leaders."""
        await create_topics(self.bootstrap, topic_specs(settings))
        await wait_for_topics(self.bootstrap, topic_specs(settings))


@dataclass(frozen=True, slots=True)
class ValkeyForTest:
    """A real server, emptied before the test."""

    url: str


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one real broker for the whole session."""
    given = os.environ.get("SEGUE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    reason = why_no_kafka()
    if reason is not None:
        if IN_CI:
            pytest.fail(f"real Kafka is required in CI: {reason}")
        pytest.skip(f"real Kafka cannot run here: {reason}")
    folder = tmp_path_factory.mktemp("kafka")
    place = KafkaPlace(data=folder / "data", logs=folder / "logs", jars=JARS)
    node = run_now(start_kafka(place))
    yield node.bootstrap
    node.child.stop()


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaForTest:
    """The session's broker, with a prefix for this test's topics and groups."""
    return KafkaForTest(kafka_bootstrap, f"t{uuid.uuid4().hex[:10]}.")


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one real Valkey for the whole session."""
    folder = tmp_path_factory.mktemp("valkey")
    server = run_now(start_valkey(folder / "data", folder / "logs"))
    yield server.url
    server.child.stop()


@pytest.fixture
def valkey(valkey_url: str) -> ValkeyForTest:
    """The session's Valkey: empty, and without any function loaded."""
    address = urlsplit(valkey_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as link:
        link.sendall(b"FLUSHALL\r\nFUNCTION FLUSH\r\n")
        answer = b""
        while answer.count(b"\r\n") < 2:
            answer += link.recv(256)
    assert answer == b"+OK\r\n+OK\r\n", answer
    return ValkeyForTest(valkey_url)


def run_now(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run a coroutine from a synchronous fixture, on a loop that leaves the tests' loop alone."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
