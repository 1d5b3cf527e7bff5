"""Session states in Redis (7.0 or newer) or Valkey, one string per user, replaced by one Function.

The client never retries by itself: a failed pipeline surfaces as `Unavailable`, the batch is folded
again from the log, and the compare-and-set makes the repetition harmless.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.core.codec import Stored, decode_stored, encode_stored
from service.core.errors import Refused, Unavailable
from service.core.events import UserId
from service.ports import Answer, Write

LIBRARY: Final = Path(__file__).parent / "lua" / "session.lua"
FUNCTION: Final = "segue_put_session"
SOCKET_TIMEOUT_S: Final = 1.0


def connect(url: str) -> Redis:
    """Return a client with short deadlines and no retries of its own."""
    return Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def session_key(user_id: UserId) -> str:
    """The braces choose the cluster slot: all keys of a user live together.

    >>> session_key(UserId("u1"))
    'session:{u1}'
    """
    return f"session:{{{user_id}}}"


class RedisSessionStore:
    """The session store port over Redis."""

    def __init__(self, client: Redis, ttl_ms: int) -> None:
        self._client = client
        self._ttl_ms = ttl_ms

    @classmethod
    async def open(cls, client: Redis, ttl_ms: int) -> Self:
        """Check the server and load the Function.

        Raises:
            Unavailable: The server does not answer.
            Refused: It is too old, or evicts keys: a state that vanishes is a session that lies.
        """
        try:
            info: dict[str, Any] = await client.info()
            _check_server(info)
            await client.function_load(LIBRARY.read_text(), replace=True)
        except RedisError as error:
            raise Unavailable(f"redis did not load {LIBRARY.name}: {error}") from error
        return cls(client, ttl_ms)

    async def claim(self, lineage: bytes, partition: int) -> int:
        """Count up `epoch:{lineage:partition}`."""
        key = f"epoch:{{{lineage.hex()}:{partition}}}"
        try:
            return int(await self._client.incr(key))
        except RedisError as error:
            raise Unavailable(f"redis did not answer INCR {key}: {error}") from error

    async def get_many(self, user_ids: Sequence[UserId]) -> list[Stored | None]:
        """One pipeline of GETs (an MGET would cross cluster slots)."""
        pipeline = self._client.pipeline(transaction=False)
        for user_id in user_ids:
            pipeline.get(session_key(user_id))
        try:
            values: list[bytes | None] = await pipeline.execute()
        except RedisError as error:
            raise Unavailable(f"redis did not answer {len(user_ids)} GETs: {error}") from error
        return [decode_stored(value) if value is not None else None for value in values]

    async def put_many(self, writes: Sequence[Write]) -> list[Answer]:
        """One pipeline of Function calls, each atomic for its user."""
        pipeline = self._client.pipeline(transaction=False)
        for write in writes:
            pipeline.fcall(
                FUNCTION,
                1,
                session_key(write.user_id),
                str(write.base_offset),
                encode_stored(write.new),
                str(self._ttl_ms),
            )
        try:
            answers: list[bytes] = await pipeline.execute()
        except RedisError as error:
            raise Unavailable(f"redis did not answer {len(writes)} writes: {error}") from error
        return [Answer(answer.decode()) for answer in answers]


def _check_server(info: dict[str, Any]) -> None:
    version = str(info.get("valkey_version") or info["redis_version"])
    if int(version.split(".", maxsplit=1)[0]) < 7:
        raise Refused(f"redis {version} has no Functions; 7.0 or newer is needed")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        raise Refused(f"redis evicts keys ({policy}); set maxmemory-policy noeviction")
