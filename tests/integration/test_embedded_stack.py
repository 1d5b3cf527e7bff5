"""The embedded stack: Valkey, the mock cluster, and both brokers behind one front."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from service.embedded.java import why_no_kafka
from service.embedded.mock import start_mock
from service.embedded.stack import Stack, StackOptions, embedded_stack
from service.embedded.steps import StepFailed, Steps
from service.embedded.valkey import start_valkey
from service.settings import KafkaSettings, RedisSettings, Settings
from tests.conftest import JARS
from tests.integration.test_processes import alive

MOCK = StackOptions(broker="mock")


async def test_valkey_evicts_nothing_and_writes_to_disk(tmp_path: Path) -> None:
    server = await start_valkey(tmp_path / "data", tmp_path)
    async with Redis.from_url(server.url, decode_responses=True) as redis:
        told = {
            name: (await redis.config_get(name))[name]
            for name in ("maxmemory-policy", "appendonly", "appendfsync")
        }
    server.child.stop()
    assert told == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }
    assert not alive(server.child.pid)


async def test_valkey_keeps_its_data_until_a_fresh_start(tmp_path: Path) -> None:
    assert await _remembered(tmp_path) is None
    assert await _remembered(tmp_path) == "1"
    assert await _remembered(tmp_path, fresh=True) is None


async def test_a_record_goes_round_the_mock_cluster(tmp_path: Path) -> None:
    cluster = await start_mock(tmp_path)
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        sent = await producer.send_and_wait("t", b"v", key=b"k", headers=[("h", b"1")])
    consumer = AIOKafkaConsumer(
        "t", bootstrap_servers=cluster.bootstrap, group_id="g", auto_offset_reset="earliest"
    )
    async with consumer:
        record = await consumer.getone()
        await consumer.commit()
    cluster.child.stop()
    assert (record.key, record.value, record.headers) == (b"k", b"v", (("h", b"1"),))
    assert (record.partition, record.offset) == (sent.partition, sent.offset)


async def test_the_stack_says_its_steps_and_leaves_no_process(tmp_path: Path) -> None:
    lines: list[str] = []
    async with embedded_stack(_settings(tmp_path), MOCK, Steps(lines.append, 3)) as stack:
        assert stack.broker == "mock"
        assert stack.environment() == {
            "SEGUE_KAFKA__BOOTSTRAP": stack.bootstrap,
            "SEGUE_REDIS__URL": stack.redis_url,
            "SEGUE_WORK_DIR": str(tmp_path),
        }
    assert [line.split()[0] for line in lines if line.startswith("[")] == [
        "[1/3]",
        "[2/3]",
        "[3/3]",
    ]
    assert any("in-memory mock cluster" in line for line in lines)
    assert not await _anything_listens(stack)


async def test_two_stacks_on_one_folder_are_refused(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with embedded_stack(settings, MOCK, _silent()):
        with pytest.raises(StepFailed, match="another Segue uses the folder"):
            async with embedded_stack(settings, MOCK, _silent()):
                pass


async def test_two_stacks_on_two_folders_take_different_ports(tmp_path: Path) -> None:
    async with (
        embedded_stack(_settings(tmp_path / "a"), MOCK, _silent()) as a,
        embedded_stack(_settings(tmp_path / "b"), MOCK, _silent()) as b,
    ):
        assert a.bootstrap != b.bootstrap
        assert a.redis_url != b.redis_url


async def test_a_broker_and_a_store_in_the_settings_are_used_and_none_started(
    kafka_bootstrap: str, valkey_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        kafka=KafkaSettings(bootstrap=kafka_bootstrap),
        redis=RedisSettings(url=valkey_url),
        work_dir=tmp_path,
    )
    async with embedded_stack(settings, StackOptions(), _silent()) as stack:
        assert (stack.broker, stack.bootstrap) == ("given", kafka_bootstrap)
        assert stack.redis_url == valkey_url
    async with Redis.from_url(valkey_url) as redis:
        assert await redis.ping()


async def test_the_mock_refuses_a_partition_count_it_cannot_make(tmp_path: Path) -> None:
    settings = Settings(kafka=KafkaSettings(partitions=8), work_dir=tmp_path)
    with pytest.raises(StepFailed, match="cannot make topics of 8 partitions"):
        async with embedded_stack(settings, MOCK, _silent()):
            pass


async def test_without_java_auto_falls_back_to_the_mock_and_real_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    lines: list[str] = []
    async with embedded_stack(_settings(tmp_path), StackOptions(), Steps(lines.append, 3)) as stack:
        assert stack.broker == "mock"
    assert any("no `java` on PATH" in line for line in lines)
    with pytest.raises(StepFailed, match="real Apache Kafka cannot run here"):
        async with embedded_stack(_settings(tmp_path), StackOptions(broker="real"), _silent()):
            pass


@pytest.mark.slow
async def test_real_kafka_keeps_its_records_until_a_fresh_start(tmp_path: Path) -> None:
    if (reason := why_no_kafka()) is not None:
        pytest.skip(f"real Kafka cannot run here: {reason}")
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / f"{_jars().name}").symlink_to(_jars())
    assert await _offset_after_sending(tmp_path) == 0
    assert await _offset_after_sending(tmp_path) == 1
    assert await _offset_after_sending(tmp_path, fresh=True) == 0


def _jars() -> Path:
    return next(JARS.glob("jars-*"))


async def _offset_after_sending(folder: Path, *, fresh: bool = False) -> int:
    settings = _settings(folder)
    options = StackOptions(broker="real", fresh=fresh)
    async with embedded_stack(settings, options, _silent()) as stack:
        async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap) as producer:
            sent = await producer.send_and_wait(settings.topics.events, b"{}", partition=0)
        offset = sent.offset
    assert not await _anything_listens(stack)
    assert isinstance(offset, int)
    return offset


async def _remembered(folder: Path, *, fresh: bool = False) -> str | None:
    """Return what the key held at the start, then set it."""
    server = await start_valkey(folder / "data", folder, fresh=fresh)
    async with Redis.from_url(server.url, decode_responses=True) as redis:
        before = await redis.get("key")
        await redis.set("key", "1")
    server.child.stop()
    return None if before is None else str(before)


async def _anything_listens(stack: Stack) -> bool:
    for address in (stack.bootstrap, stack.redis_url.split("/")[2]):
        host, _, port = address.partition(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            continue
        writer.close()
        return True
    return False


def _settings(folder: Path) -> Settings:
    return Settings(work_dir=folder)


def _silent() -> Steps:
    return Steps(lambda _: None, total=3)
