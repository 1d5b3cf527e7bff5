"""Choose a broker: the user's own, else real Kafka where it can run, else the mock cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.embedded.jars import KAFKA_VERSION
from service.embedded.java import why_no_kafka
from service.embedded.kafka import KafkaPlace, start_kafka
from service.embedded.kafka_config import Profile
from service.embedded.mock import PARTITIONS, start_mock
from service.embedded.process import Child
from service.embedded.steps import StepFailed, Steps
from service.settings import Settings

BrokerChoice = Literal["auto", "real", "mock"]
BrokerKind = Literal["given", "real", "mock"]


@dataclass(frozen=True, slots=True)
class BrokerRequest:
    """What the caller wants, and the folders to use."""

    choice: BrokerChoice
    profile: Profile
    fresh: bool
    place: KafkaPlace


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that answers; `child` is None when it is somebody else's."""

    kind: BrokerKind
    bootstrap: str
    title: str
    child: Child | None = None


async def start_broker(settings: Settings, request: BrokerRequest, steps: Steps) -> Broker:
    """Start the broker that was asked for, or take the one in the settings.

    Raises:
        StepFailed: It cannot run here; says what to do.
    """
    if request.choice == "auto" and "bootstrap" in settings.kafka.model_fields_set:
        return Broker("given", settings.kafka.bootstrap, "given by SEGUE_KAFKA__BOOTSTRAP")
    if request.choice == "mock":
        return await _mock(settings, request.place.logs, steps, "asked for with --broker mock")
    reason = why_no_kafka()
    if reason is None:
        return await _real_or_mock(settings, request, steps)
    if request.choice == "real":
        raise StepFailed(
            what="real Apache Kafka cannot run here",
            why=reason,
            remedy="install a JRE 17 or newer and Maven (Debian: "
            "`apt-get install openjdk-17-jre-headless maven`), or use --broker mock",
        )
    return await _mock(settings, request.place.logs, steps, reason)


async def _real_or_mock(settings: Settings, request: BrokerRequest, steps: Steps) -> Broker:
    try:
        return await _real(request, steps)
    except StepFailed as failed:
        if request.choice == "real":
            raise
        return await _mock(settings, request.place.logs, steps, failed.what)


async def _real(request: BrokerRequest, steps: Steps) -> Broker:
    if not (request.place.jars / f"jars-{KAFKA_VERSION}").exists():
        steps.note(f"fetching Apache Kafka {KAFKA_VERSION} with Maven (44 MB, once)")
    node = await start_kafka(request.place, profile=request.profile, fresh=request.fresh)
    return Broker("real", node.bootstrap, f"Apache Kafka {KAFKA_VERSION}", node.child)


async def _mock(settings: Settings, logs: Path, steps: Steps, reason: str) -> Broker:
    if settings.kafka.partitions != PARTITIONS:
        raise StepFailed(
            what=f"the mock cluster cannot make topics of {settings.kafka.partitions} partitions",
            why=f"it always makes {PARTITIONS}; it is used because: {reason}",
            remedy=f"unset SEGUE_KAFKA__PARTITIONS or set it to {PARTITIONS}",
        )
    steps.warn(f"in-memory mock cluster, nothing is kept: {reason}")
    cluster = await start_mock(logs)
    return Broker("mock", cluster.bootstrap, "mock cluster (in memory)", cluster.child)
