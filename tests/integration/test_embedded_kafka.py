"""The real broker of the embedded stack: topics as asked, ready for groups."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from service.embedded.topics import create_topics, topic_specs, touch_coordinator
from tests.conftest import KafkaForTest

LOG_APPEND_TIME = 1


async def test_topics_are_made_with_the_settings_that_were_asked_for(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    for spec in topic_specs(settings):
        found = await _configs(kafka.bootstrap, spec.name)
        assert {name: found[name] for name in spec.configs} == spec.configs, spec.name


async def test_making_topics_again_makes_none(kafka: KafkaForTest) -> None:
    specs = topic_specs(kafka.settings())
    assert await create_topics(kafka.bootstrap, specs) == [spec.name for spec in specs]
    assert await create_topics(kafka.bootstrap, specs) == []


async def test_the_broker_stamps_events_with_its_own_clock(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    async with producer:
        sent = await producer.send_and_wait(
            settings.topics.events, b"{}", key=b"u1", timestamp_ms=1
        )
    assert sent.timestamp_type == LOG_APPEND_TIME
    assert sent.timestamp > 1


@pytest.mark.slow
async def test_a_record_of_ten_megabytes_arrives(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    large = b"x" * 10_000_000
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=16_000_000)
    async with producer:
        await producer.send_and_wait(settings.topics.events, large, key=b"u1")
    consumer = AIOKafkaConsumer(
        settings.topics.events, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        assert (await consumer.getone()).value == large


async def test_a_group_can_join_at_once_after_the_coordinator_was_touched(
    kafka: KafkaForTest,
) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    await touch_coordinator(kafka.bootstrap, settings.kafka.group, settings.topics.events)
    consumer = AIOKafkaConsumer(
        settings.topics.events,
        bootstrap_servers=kafka.bootstrap,
        group_id=settings.kafka.group,
    )
    async with consumer:
        assert len(consumer.assignment()) == settings.kafka.partitions


async def _configs(bootstrap: str, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    ((*_, entries),) = answer.resources
    return {entry[0]: entry[1] for entry in entries}
