"""The slate cache on a real server: newest wins, whoever writes last."""

import json
import random
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from service.adapters.redis import connect
from service.adapters.slate_cache import SlateCache
from service.core.errors import Unavailable
from service.core.events import UserId
from tests.conftest import ValkeyForTest

U1, U2 = UserId("u1"), UserId("u/2|x")
HOUR_MS = 3_600_000


def slate(version: int, user: UserId = U1) -> bytes:
    fields = {"user_id": user, "session_id": "0-1", "version": version, "items": []}
    return json.dumps(fields, separators=(",", ":")).encode()


@pytest.fixture
async def redis(valkey: ValkeyForTest) -> AsyncIterator[Redis]:
    async with connect(valkey.url) as client:
        yield client


@pytest.fixture
def cache(redis: Redis) -> SlateCache:
    return SlateCache(redis)


async def test_a_slate_is_read_back_byte_for_byte(cache: SlateCache) -> None:
    assert await cache.get(U1) is None
    assert await cache.put_many([(U1, 3, slate(3)), (U2, 1, slate(1, U2))], HOUR_MS) == 2
    assert await cache.get(U1) == slate(3)
    assert await cache.get(U2) == slate(1, U2)


async def test_an_older_slate_does_not_replace_a_newer_one(cache: SlateCache) -> None:
    await cache.put_many([(U1, 10, slate(10))], HOUR_MS)
    assert await cache.put_many([(U1, 9, slate(9)), (U1, 10, b"other")], HOUR_MS) == 0
    assert await cache.get(U1) == slate(10)


async def test_whatever_the_order_the_highest_version_stays(cache: SlateCache) -> None:
    versions = list(range(2**52, 2**52 + 60))
    random.Random(3).shuffle(versions)
    await cache.put_many([(U1, v, slate(v)) for v in versions], HOUR_MS)
    assert await cache.get(U1) == slate(max(versions))


async def test_a_user_cannot_forge_a_version_in_an_id(cache: SlateCache) -> None:
    long = UserId("version:99999" + "x" * 115)
    await cache.put_many([(long, 5, slate(5, long))], HOUR_MS)
    assert await cache.put_many([(long, 6, slate(6, long))], HOUR_MS) == 1


async def test_what_is_no_slate_is_overwritten(cache: SlateCache, redis: Redis) -> None:
    await redis.set("slate:{u1}", b"junk")
    assert await cache.put_many([(U1, 1, slate(1))], HOUR_MS) == 1


async def test_a_slate_lives_as_long_as_it_was_told(cache: SlateCache, redis: Redis) -> None:
    await cache.put_many([(U1, 1, slate(1))], HOUR_MS)
    assert 0 < await redis.pttl("slate:{u1}") <= HOUR_MS


async def test_a_server_that_forgot_the_script_is_taught_again(
    cache: SlateCache, redis: Redis
) -> None:
    await cache.put_many([(U1, 1, slate(1))], HOUR_MS)
    await redis.script_flush()
    assert await cache.put_many([(U1, 2, slate(2))], HOUR_MS) == 1


async def test_a_deleted_users_slate_is_gone(cache: SlateCache) -> None:
    await cache.put_many([(U1, 1, slate(1)), (U2, 1, slate(1, U2))], HOUR_MS)
    await cache.delete_many([U1, UserId("nobody")])
    assert await cache.get(U1) is None
    assert await cache.get(U2) is not None


async def test_nothing_to_do_needs_no_server() -> None:
    async with connect("redis://127.0.0.1:1/0") as nowhere:
        assert await SlateCache(nowhere).put_many([], HOUR_MS) == 0
        await SlateCache(nowhere).delete_many([])


async def test_no_server_is_unavailable() -> None:
    async with connect("redis://127.0.0.1:1/0") as nowhere:
        for attempt in (
            SlateCache(nowhere).get(U1),
            SlateCache(nowhere).ping(),
            SlateCache(nowhere).put_many([(U1, 1, slate(1))], HOUR_MS),
            SlateCache(nowhere).delete_many([U1]),
        ):
            with pytest.raises(Unavailable, match="redis"):
                await attempt
