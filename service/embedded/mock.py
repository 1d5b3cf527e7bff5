"""librdkafka's mock cluster in a process of its own: a Kafka for machines without Java.

It speaks the real protocol, but keeps everything in memory, has always four partitions a topic,
stamps no append time and knows no topic settings. As a program, `python -m service.embedded.mock`,
it prints its address and lasts until it is stopped.
"""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.embedded.process import Child

PARTITIONS: Final = 4  # librdkafka's own number for topics that are made by asking
_START_TIMEOUT_S: Final = 30.0
_MARK: Final = "mock cluster at "


@dataclass(frozen=True, slots=True)
class MockCluster:
    """A mock cluster that answers."""

    bootstrap: str
    child: Child


async def start_mock(logs: Path) -> MockCluster:
    """Start a mock cluster and wait until it has said its address.

    Raises:
        StepFailed: It ended or said nothing.
    """
    log_path = logs / "mock-kafka.log"
    log_path.unlink(missing_ok=True)  # an old address must not be taken for the new one
    command = [sys.executable, "-P", "-m", "service.embedded.mock"]
    child = Child.start("the mock cluster", command, log_path)

    async def announced() -> bool:
        return _announced(log_path) is not None

    try:
        await child.wait_until(announced, _START_TIMEOUT_S)
    except BaseException:
        child.stop()
        raise
    return MockCluster(bootstrap=_announced(log_path) or "", child=child)


def _announced(log_path: Path) -> str | None:
    for line in log_path.read_text(errors="replace").splitlines(keepends=True):
        if line.startswith(_MARK) and line.endswith("\n"):
            return line.removeprefix(_MARK).strip()
    return None


def _serve() -> None:
    from confluent_kafka import Producer  # noqa: PLC0415  the parent does not need it

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    owner = Producer({"test.mock.num.brokers": 1})
    (broker,) = owner.list_topics(timeout=_START_TIMEOUT_S).brokers.values()
    print(f"{_MARK}{broker.host}:{broker.port}", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    _serve()
