"""The HTTP side as a process on real servers: it streams, and it ends when it is told to."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from service.adapters.catalog import write_catalog
from service.core.items import Names
from service.embedded.fleet import Member, running_fleet
from service.settings import CatalogSettings, Settings
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.event_makers import small_table
from tests.unit.api.harness import slate_json

STREAM = b"GET /v1/users/u1/slate/stream HTTP/1.1\r\nHost: segue\r\n\r\n"


@pytest.fixture
def settings(kafka: KafkaForTest, valkey: ValkeyForTest, tmp_path: Path) -> Settings:
    """Settings of this test's own topics, with a small catalogue."""
    table = small_table()
    names = Names([f"Title {i}" for i in table.ids], list(table.artist_ids), list(table.series_ids))
    write_catalog(tmp_path / "catalog", table, names, built_from="a test")
    catalog = CatalogSettings(path=tmp_path / "catalog")
    given = kafka.settings(valkey.url)
    return given.model_copy(update={"catalog": catalog, "work_dir": tmp_path})


def environment(settings: Settings) -> dict[str, str]:
    """The variables that tell a child process all of this."""
    topics = settings.topics.model_dump().items()
    return {
        "SEGUE_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "SEGUE_REDIS__URL": settings.redis.url,
        "SEGUE_CATALOG__PATH": str(settings.catalog.path),
        **{f"SEGUE_TOPICS__{name.upper()}": topic for name, topic in topics},
    }


async def open_stream(api: Member) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a stream, and read its first bytes."""
    port = int(api.health_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(STREAM)
    assert b"200 OK" in await reader.readline()
    await reader.readuntil(b"retry: 1000")
    return reader, writer


async def test_an_open_stream_ends_with_the_process_and_the_process_in_peace(
    kafka: KafkaForTest, settings: Settings
) -> None:
    await kafka.make_topics(settings)
    async with running_fleet(settings, environment(settings), workers=0) as fleet:
        assert fleet.api is not None
        reader, writer = await open_stream(fleet.api)
        child = fleet.api.child
    rest = await asyncio.wait_for(reader.read(), timeout=10)
    assert rest.endswith(b"0\r\n\r\n")  # the last chunk: the stream was ended, not torn
    assert child.exit_code() == 0
    writer.close()


async def test_a_published_slate_arrives_at_an_open_stream(
    kafka: KafkaForTest, settings: Settings
) -> None:
    await kafka.make_topics(settings)
    async with running_fleet(settings, environment(settings), workers=0) as fleet:
        assert fleet.api is not None
        reader, writer = await open_stream(fleet.api)
        await publish(kafka, settings.topics.slates, slate_json(41))
        async with asyncio.timeout(10):
            await reader.readuntil(b"id: 41")
        writer.close()


async def publish(kafka: KafkaForTest, topic: str, slate: bytes) -> None:
    """Publish a slate of u1 as a worker does."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, slate, key=b"u1")
