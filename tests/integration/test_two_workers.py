"""Two worker processes share four partitions; one is stopped in the middle of a replay."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.pace import SteadyPace
from loadtest.producer import EventProducer
from loadtest.sending import send_all
from models.data.timed import TimedEvent
from service.adapters.cluster import Cluster
from service.embedded.fleet import Member, running_fleet
from service.ops.verify import verify
from service.ops.verify_report import as_json
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.integration.small_log import environment, events_of_log, make_plays, with_catalog

PLAYS = make_plays(1_000)
RATE_PER_S = 500.0
STOP_AFTER = 800


@dataclass
class StopsAWorker:
    """Sends events, and after so many of them tells a worker to stop."""

    producer: EventProducer
    worker: Member

    async def send(self, event: TimedEvent, sent_at_ns: int | None = None) -> None:
        await self.producer.send(event, sent_at_ns)
        if self.producer.sent == STOP_AFTER:
            os.kill(self.worker.child.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_worker_that_is_stopped_during_a_replay_hands_over_without_a_trace(
    kafka: KafkaForTest, valkey: ValkeyForTest, tmp_path: Path
) -> None:
    settings = with_catalog(kafka.settings(valkey.url), PLAYS, tmp_path / "catalog")
    await kafka.make_topics(settings)
    events = events_of_log(PLAYS)
    async with (
        running_fleet(settings, environment(settings), workers=2, with_api=False) as fleet,
        Cluster.open(settings.kafka.bootstrap) as cluster,
        EventProducer(settings.kafka.bootstrap, settings.topics.events) as producer,
    ):
        leaving, staying = fleet.workers

        async def both_joined() -> bool:
            group = await cluster.group(settings.kafka.group)
            return (group.state, group.members) == ("Stable", 2)

        async def has_left() -> bool:
            group = await cluster.group(settings.kafka.group)
            return (group.state, group.members) == ("Stable", 1)

        await staying.child.wait_until(both_joined, 60)
        await send_all(events, SteadyPace(RATE_PER_S), StopsAWorker(producer, leaving))
        await producer.flush()
        await staying.child.wait_until(has_left, 60)
        said = as_json(await verify(settings, until_drained_s=90))
        assert leaving.child.exit_code() == 0, leaving.child.failure("it did not drain")
        assert staying.child.exit_code() is None
    assert said["ok"], said["problems"]
    assert said["drained"]
    assert said["records"] == len(events)
    assert said["states_equal"] == said["users"] == len({play.user for play in PLAYS})
    assert not said["dead_letters"]
