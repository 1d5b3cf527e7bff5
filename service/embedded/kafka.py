"""A real Apache Kafka node as a child process. Its data stays in the work folder between runs.

    jars (fetched once) > format (first run) > server > answers on its port

It does not know which topics the service wants: that is topics.py.
"""

import asyncio
import base64
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.embedded.jars import fetch_jars
from service.embedded.kafka_config import (
    Profile,
    java_command,
    log4j_properties,
    server_properties,
)
from service.embedded.ports import claim_port
from service.embedded.process import Child

_PORT: Final = 9092
_START_TIMEOUT_S: Final = 90.0
_FORMAT_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where a node keeps its things."""

    data: Path  # log segments and metadata: what a fresh start removes
    logs: Path
    jars: Path  # shared by all nodes of this machine's work folder


@dataclass(frozen=True, slots=True)
class KafkaNode:
    """A node that answers."""

    bootstrap: str
    child: Child


async def start_kafka(
    place: KafkaPlace, *, profile: Profile = "small", fresh: bool = False
) -> KafkaNode:
    """Start a node and wait until it answers.

    Args:
        place: Folders for data, logs and jars.
        profile: The JVM's size: small for a demo, bench for measuring.
        fresh: Forget what an earlier run wrote.

    Raises:
        StepFailed: No jars, or the node did not come up; says why and what to do.
    """
    jars = await fetch_jars(place.jars, place.logs / "maven.log")
    if fresh:
        shutil.rmtree(place.data, ignore_errors=True)
    port = claim_port(_PORT)
    controller_port = claim_port(port + 1)
    properties, log4j = _write_config(place, port, controller_port)
    if not (place.data / "log" / "meta.properties").exists():
        format_arguments = ["format", "-t", new_cluster_id(), "-c", str(properties)]
        await _format(
            java_command("small", jars, log4j, "kafka.tools.StorageTool", format_arguments), place
        )
    command = java_command(profile, jars, log4j, "kafka.Kafka", [str(properties)])
    child = Child.start(
        "Apache Kafka", command, place.logs / "kafka.out", ports=(port, controller_port)
    )
    try:
        await child.wait_until(lambda: accepts("127.0.0.1", port), _START_TIMEOUT_S)
    except BaseException:
        child.stop()
        raise
    return KafkaNode(bootstrap=f"127.0.0.1:{port}", child=child)


async def accepts(host: str, port: int) -> bool:
    """Say whether something accepts TCP connections there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _write_config(place: KafkaPlace, port: int, controller_port: int) -> tuple[Path, Path]:
    place.data.mkdir(parents=True, exist_ok=True)
    place.logs.mkdir(parents=True, exist_ok=True)
    properties = place.data / "server.properties"
    properties.write_text(server_properties(port, controller_port, place.data / "log"))
    log4j = place.data / "log4j2.properties"
    log4j.write_text(log4j_properties(place.logs / "kafka.log"))
    return properties, log4j


async def _format(command: list[str], place: KafkaPlace) -> None:
    tool = Child.start("Kafka's storage format", command, place.logs / "kafka.out")

    async def ended() -> bool:
        return tool.exit_code() == 0

    try:
        await tool.wait_until(ended, _FORMAT_TIMEOUT_S)
    finally:
        tool.stop()


def new_cluster_id(draw: Callable[[], uuid.UUID] = uuid.uuid4) -> str:
    """Return 16 random bytes as Kafka writes ids: 22 characters of URL-safe base64.

    As in Kafka itself, none begins with a dash: its tool would take that for an option.
    """
    while (made := _as_kafka_writes(draw())).startswith("-"):
        pass
    return made


def _as_kafka_writes(number: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(number.bytes).decode().rstrip("=")
