"""What every session store does: in memory, on Valkey, on the oldest Redis that we support."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from service.adapters.memory import MemoryStore
from service.adapters.redis import RedisSessionStore, connect, session_key
from service.core import events as ev
from service.core.codec import Fence, Stored
from service.core.errors import Refused, StaleWrite, Unavailable
from service.ports import Answer, SessionStore, Write
from tests.event_makers import folded, item_fact

TTL_MS = 60_000
U1, U2, U3 = (ev.UserId(f"u{n}") for n in (1, 2, 3))
SERVERS = ["valkey", "redis"]


async def emptied(url: str) -> Redis:
    client = connect(url)
    await client.flushall()
    await client.function_flush()
    return client


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """The URL of each server."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["memory", *SERVERS])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of each server, and None for the twin."""
    if request.param == "memory":
        return None
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[Redis]:
    """A client of an empty server."""
    client = await emptied(server_url)
    yield client
    await client.aclose()


@pytest.fixture
async def store(store_url: str | None) -> AsyncIterator[SessionStore]:
    """An empty store of each kind."""
    if store_url is None:
        yield MemoryStore()
        return
    client = await emptied(store_url)
    yield await RedisSessionStore.open(client, TTL_MS)
    await client.aclose()


def at(offset: int, *, epoch: int = 5, partition: int = 0, lineage: bytes = b"lineage1") -> Stored:
    """A state whose content differs from offset to offset."""
    state = folded(*[item_fact(item=f"i{offset}-{n}") for n in range(offset % 7 + 1)])
    return Stored(Fence(lineage, partition, epoch, offset), state)


async def put(store: SessionStore, base_offset: int, new: Stored, user: ev.UserId = U1) -> Answer:
    (answer,) = await store.put_many([Write(user, base_offset, new)])
    return answer


async def test_a_user_nobody_wrote_is_not_there(store: SessionStore) -> None:
    assert await store.get_many([U1, U2]) == [None, None]
    assert await store.get_many([]) == []
    assert await store.put_many([]) == []


async def test_what_was_written_is_read(store: SessionStore) -> None:
    assert await put(store, -1, at(3)) is Answer.OK
    assert await store.get_many([U2, U1]) == [None, at(3)]


async def test_a_write_on_top_of_what_was_read_replaces_it(store: SessionStore) -> None:
    await put(store, -1, at(3))
    assert await put(store, 3, at(9)) is Answer.OK
    assert await store.get_many([U1]) == [at(9)]


async def test_offsets_as_large_as_a_log_can_grow_are_told_apart(store: SessionStore) -> None:
    huge = 2**53 - 2
    assert await put(store, -1, at(huge)) is Answer.OK
    assert await put(store, huge, at(huge + 1)) is Answer.OK
    assert await put(store, huge + 1, at(huge + 1)) is Answer.DUP


REFUSED: list[Any] = [
    pytest.param(10, at(10), Answer.DUP, id="the same write again"),
    pytest.param(4, at(7), Answer.DUP, id="an older write of the same owner"),
    pytest.param(4, at(10, epoch=6), Answer.DUP, id="what the last owner wrote already"),
    pytest.param(10, at(11, epoch=4), Answer.FENCED, id="an older owner"),
    pytest.param(10, at(10, epoch=4), Answer.FENCED, id="an older owner, again"),
    pytest.param(-1, at(11), Answer.CONFLICT, id="made from nothing"),
    pytest.param(9, at(11), Answer.CONFLICT, id="made from an older state"),
    pytest.param(10, at(11, partition=1), Answer.CONFLICT, id="from another partition"),
    pytest.param(10, at(4, partition=1), Answer.CONFLICT, id="earlier on another partition"),
    pytest.param(12, at(13), Answer.REGRESSION, id="made from a state the store lost"),
    pytest.param(10, at(11, lineage=b"lineage2"), Answer.LINEAGE, id="from another topic"),
    pytest.param(-1, at(0, lineage=b"lineage2"), Answer.LINEAGE, id="from a topic made anew"),
    pytest.param(
        10, at(11, lineage=b"lineage2", epoch=1, partition=3), Answer.LINEAGE, id="wholly foreign"
    ),
]


@pytest.mark.parametrize(("base_offset", "new", "answer"), REFUSED)
async def test_a_write_that_does_not_fit_is_refused_and_changes_nothing(
    store: SessionStore, base_offset: int, new: Stored, answer: Answer
) -> None:
    await put(store, -1, at(10))
    assert await put(store, base_offset, new) is answer
    assert await store.get_many([U1]) == [at(10)]


async def test_a_state_that_vanished_is_told_from_one_that_never_was(store: SessionStore) -> None:
    assert await put(store, 10, at(11)) is Answer.REGRESSION
    assert await store.get_many([U1]) == [None]


async def test_a_younger_owner_takes_over_and_the_older_one_is_out(store: SessionStore) -> None:
    await put(store, -1, at(10, epoch=5))
    assert await put(store, 10, at(11, epoch=6)) is Answer.OK
    assert await put(store, 11, at(12, epoch=5)) is Answer.FENCED
    assert await store.get_many([U1]) == [at(11, epoch=6)]


async def test_each_write_of_a_batch_is_judged_alone_and_answered_in_order(
    store: SessionStore,
) -> None:
    await put(store, -1, at(10), U2)
    writes = [
        Write(U1, -1, at(3)),
        Write(U2, 4, at(11)),
        Write(U3, -1, at(5)),
        Write(U2, 10, at(12)),
    ]
    assert await store.put_many(writes) == [Answer.OK, Answer.CONFLICT, Answer.OK, Answer.OK]
    assert await store.get_many([U1, U2, U3]) == [at(3), at(12), at(5)]


async def test_claims_count_up_for_each_partition_of_each_topic(store: SessionStore) -> None:
    assert [await store.claim(b"lineage1", 0) for _ in range(3)] == [1, 2, 3]
    assert await store.claim(b"lineage1", 1) == 1
    assert await store.claim(b"lineage2", 0) == 1
    assert await store.claim(b"lineage1", 0) == 4


async def test_ids_of_every_allowed_shape_are_kept_apart(store: SessionStore) -> None:
    users = [ev.UserId(name) for name in ("a", "A", "a:b", "a|b=c+d/e~f-g@h._", "x" * 128)]
    await store.put_many([Write(user, -1, at(n)) for n, user in enumerate(users)])
    assert await store.get_many(users) == [at(n) for n in range(len(users))]


# Of the servers alone: time to live, start-up, torn values


async def test_a_state_is_kept_for_its_time_to_live_from_the_last_write(client: Redis) -> None:
    store = await RedisSessionStore.open(client, TTL_MS)
    await put(store, -1, at(3))
    await client.pexpire(session_key(U1), 1_000)
    await put(store, 3, at(4))
    assert TTL_MS - 10_000 < await client.pttl(session_key(U1)) <= TTL_MS


async def test_a_refused_write_does_not_prolong_a_state_s_life(client: Redis) -> None:
    store = await RedisSessionStore.open(client, TTL_MS)
    await put(store, -1, at(3))
    await client.pexpire(session_key(U1), 30_000)
    await put(store, 1, at(9))
    assert await client.pttl(session_key(U1)) <= 30_000


async def test_a_store_may_be_opened_again_and_again(client: Redis) -> None:
    await put(await RedisSessionStore.open(client, TTL_MS), -1, at(3))
    assert await put(await RedisSessionStore.open(client, TTL_MS), 3, at(4)) is Answer.OK


async def test_a_server_that_evicts_keys_is_refused(client: Redis) -> None:
    await client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Refused, match="noeviction"):
            await RedisSessionStore.open(client, TTL_MS)
    finally:
        await client.config_set("maxmemory-policy", "noeviction")


async def test_a_torn_value_is_told_and_not_guessed_at(client: Redis) -> None:
    store = await RedisSessionStore.open(client, TTL_MS)
    await put(store, -1, at(3))
    await client.setrange(session_key(U1), 60, b"\xff\xff")
    with pytest.raises(StaleWrite, match=r"\[0\]@3 is torn"):
        await store.get_many([U1])


async def test_a_value_of_another_program_is_never_overwritten(client: Redis) -> None:
    store = await RedisSessionStore.open(client, TTL_MS)
    await client.set(session_key(U1), b"not ours")
    with pytest.raises(Unavailable):
        await put(store, -1, at(3))
    assert await client.get(session_key(U1)) == b"not ours"


async def test_a_server_that_lost_the_function_is_unavailable_not_wrong(client: Redis) -> None:
    store = await RedisSessionStore.open(client, TTL_MS)
    await client.function_flush()
    with pytest.raises(Unavailable, match="1 writes"):
        await put(store, -1, at(3))


async def test_no_server_is_unavailable() -> None:
    nobody = connect("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable, match="redis"):
        await RedisSessionStore.open(nobody, TTL_MS)
    store = RedisSessionStore(nobody, TTL_MS)
    with pytest.raises(Unavailable, match="1 GETs"):
        await store.get_many([U1])
    with pytest.raises(Unavailable, match="INCR"):
        await store.claim(b"lineage1", 0)
    await nobody.aclose()
