"""The reference consumer on a real broker: newest slates, deletions, the users asked for."""

import asyncio
from contextlib import aclosing

from aiokafka import AIOKafkaProducer

from service.client import Deleted, Slate, newest_slates
from tests.conftest import KafkaForTest
from tests.unit.client.test_newest import slate


async def read(bootstrap: str, topic: str, count: int, users: set[str] | None = None) -> list[str]:
    """Read `count` news and say each in a word."""
    news: list[str] = []
    async with asyncio.timeout(20):
        async with aclosing(newest_slates(bootstrap, users, topic=topic)) as slates:
            async for one in slates:
                news.append(f"{one.user_id} {'gone' if isinstance(one, Deleted) else one.version}")
                if len(news) == count:
                    break
    return news


async def test_slates_are_read_once_in_rising_versions(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    topic = settings.topics.slates
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for version in (1, 2, 2, 1, 3):
            await producer.send_and_wait(topic, slate(version), key=b"u1")
        await producer.send_and_wait(topic, b"{no slate", key=b"u1")
        await producer.send_and_wait(topic, None, key=b"u1")
        await producer.send_and_wait(topic, slate(3), key=b"u1")
        await producer.send_and_wait(topic, slate(9), key=b"u1")
    assert await read(kafka.bootstrap, topic, 5) == ["u1 1", "u1 2", "u1 3", "u1 gone", "u1 9"]


async def test_only_the_asked_for_users_are_read(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    topic = settings.topics.slates
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for user in ("u1", "u2", "u3"):
            await producer.send_and_wait(topic, slate(1, user), key=user.encode())
    assert await read(kafka.bootstrap, topic, 1, {"u2"}) == ["u2 1"]


async def test_a_reader_from_now_on_sees_what_comes(kafka: KafkaForTest) -> None:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    topic = settings.topics.slates
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, slate(1), key=b"u1")
        async with aclosing(
            newest_slates(kafka.bootstrap, topic=topic, from_start=False)
        ) as slates:
            first = asyncio.ensure_future(anext(slates))
            version = 1
            while not first.done():  # nobody says when the reader stands at the end
                version += 1
                await producer.send_and_wait(topic, slate(version), key=b"u1")
                await asyncio.wait([first], timeout=0.1)
            news = first.result()
        assert isinstance(news, Slate)
        assert 1 < news.version <= version
