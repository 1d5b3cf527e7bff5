"""The doctor at the bedside of real servers, well and ill."""

import socket
from collections.abc import Iterator

import pytest

from service.adapters.cluster import Broker
from service.adapters.listeners import advertised_brokers, unreachable
from service.core.errors import Unavailable
from service.ops.doctor.check import Check
from service.ops.doctor.kafka import kafka_checks
from service.ops.doctor.redis import redis_checks
from service.ops.doctor.run import examine
from service.settings import KafkaSettings, RedisSettings, Settings
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.integration.worker_on_stack import produce, worker_on_stack


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses: held, so that nobody else listens there meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def named(settings: Settings) -> dict[str, Check]:
    checks = [check async for check in kafka_checks(settings)]
    return {check.name: check for check in checks}


async def test_a_stack_in_order_passes_and_says_that_no_worker_runs(
    kafka: KafkaForTest, valkey: ValkeyForTest
) -> None:
    settings = kafka.settings(valkey.url)
    await kafka.make_topics(settings)
    await produce(settings, [(None, b"{", ())])
    checks = await named(settings)
    assert {name: check for name, check in checks.items() if check.verdict == "fail"} == {}
    assert checks["workers"].verdict == "warn"
    assert "1" in checks["lag"].found
    assert checks["broker clock"].verdict == "ok"
    assert checks["dead letters"].verdict == "ok"


async def test_a_running_worker_and_a_dead_letter_are_seen(
    kafka: KafkaForTest, valkey: ValkeyForTest
) -> None:
    settings = kafka.settings(valkey.url)
    await kafka.make_topics(settings)
    await produce(settings, [(None, b"{", ())])
    async with worker_on_stack(settings) as processor:
        while not await processor.step():
            pass
        await processor.drain()
        checks = await named(settings)
        assert checks["workers"].verdict == "ok", checks["workers"]
        assert checks["dead letters"].found == "1"
        redis = {check.name: check async for check in redis_checks(settings)}
        assert {check.verdict for check in redis.values()} <= {"ok", "warn"}
        assert redis["redis function"].verdict == "ok"


async def test_missing_topics_are_each_named(kafka: KafkaForTest, valkey: ValkeyForTest) -> None:
    settings = kafka.settings(valkey.url)
    checks = await named(settings)
    missing = [name for name, check in checks.items() if check.found == "missing"]
    assert len(missing) == 5
    assert f"topic {settings.topics.events}" in missing


async def test_an_advertised_address_that_leads_nowhere_is_named(
    kafka: KafkaForTest, valkey: ValkeyForTest, closed_port: int
) -> None:
    (good,) = await advertised_brokers(kafka.bootstrap)
    nowhere = Broker(2, "127.0.0.1", closed_port)
    valkey_port = int(valkey.url.rsplit(":", 1)[1].split("/")[0])
    not_kafka = Broker(3, "127.0.0.1", valkey_port)
    stranger = Broker(99, good.host, good.port)
    wrong = await unreachable([good, nowhere, not_kafka, stranger])
    assert [broker for broker, _ in wrong] == [nowhere, not_kafka, stranger]
    reasons = [why for _, why in wrong]
    assert "refused" in reasons[0].lower()
    assert reasons[1:] == [
        "something answers, but it is not Kafka",
        "a Kafka of another cluster answers",
    ]


async def test_servers_that_are_not_there_are_one_failure_each(closed_port: int) -> None:
    port = closed_port
    settings = Settings(
        kafka=KafkaSettings(bootstrap=f"127.0.0.1:{port}"),
        redis=RedisSettings(url=f"redis://127.0.0.1:{port}/0"),
    )
    failed = {check.name: check for check in await examine(settings) if check.verdict == "fail"}
    assert {"broker", "redis"} <= set(failed)
    assert "segue up" in failed["broker"].fix
    with pytest.raises(Unavailable, match="no Kafka answers"):
        await advertised_brokers(f"127.0.0.1:{port}")
