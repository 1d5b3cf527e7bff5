"""The latency check's generator, echo and pairing on a real broker."""

import sys
from pathlib import Path

import pytest

from loadtest.latency.answers import latencies_ns
from loadtest.latency.crowd import crowd_events, make_stories
from loadtest.latency.measure import Measurement, Side
from loadtest.latency.plan import Slice
from loadtest.producer import EventProducer
from loadtest.watching import watching
from loadtest.world.catalogue import make_world
from service.embedded.process import Child
from service.embedded.topics import TopicSpec, create_topics, wait_for_topics
from tests.conftest import KafkaForTest

RATE = 200.0


@pytest.mark.slow
async def test_the_echo_answers_every_event_and_its_figures_are_those_of_the_counted_ones(
    kafka: KafkaForTest, tmp_path: Path
) -> None:
    there, back = f"{kafka.prefix}in", f"{kafka.prefix}out"
    specs = [TopicSpec(there, 4), TopicSpec(back, 4)]
    await create_topics(kafka.bootstrap, specs)
    await wait_for_topics(kafka.bootstrap, specs)
    command = [sys.executable, "-m", "loadtest.latency.echo", kafka.bootstrap, there, back]
    echo = Child.start("the echo", command, tmp_path / "echo.log")
    try:
        async with EventProducer(kafka.bootstrap, there) as producer:
            side, unused = Side(producer), Side(producer)
            events = crowd_events(make_stories(make_world(scale=0.1)), 50, "run")
            measurement = Measurement({"echo": side, "segue": unused}, events, RATE)
            async with watching(kafka.bootstrap, back, side.see_echo):
                await measurement.run(Slice("echo", settle_s=0.5, measured_s=0.0))
                assert len(side.latencies) == side.sent == side.lost == 0  # a warm-up
                await measurement.run(Slice("echo", settle_s=0.5, measured_s=1.0))
    finally:
        echo.stop()
    assert (side.sent, side.lost, len(side.latencies)) == (RATE, 0, RATE)
    assert 0 < side.latencies.at_ms(50) <= side.latencies.at_ms(99) <= side.latencies.max_ms
    assert len(side.answers) == 1.5 * RATE  # of the last slice: settling ones came back too
    assert latencies_ns([], side.answers) == []
