"""The last slate of each user in Redis, `slate:{user}`: a read cache of the slates topic.

It may be behind or empty; the topic is the truth. The worker writes it as a side
effect, the HTTP side reads it. Versions only grow: `lua/put_slate.lua` compares before it sets.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from service.core.errors import Unavailable
from service.core.events import UserId

_PUT: Final = (Path(__file__).parent / "lua" / "put_slate.lua").read_text()


def slate_key(user_id: UserId) -> str:
    """Return the key; the braces put a user's keys into one cluster slot.

    >>> slate_key(UserId("u1"))
    'slate:{u1}'
    """
    return "slate:{" + user_id + "}"


class SlateCache:
    """Reads and writes cached slates. `redis` must hand out bytes (no `decode_responses`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._sha: str | None = None

    async def get(self, user_id: UserId) -> bytes | None:
        """Return the slate's JSON exactly as it was published, or None.

        Raises:
            Unavailable: Redis did not answer.
        """
        try:
            slate = await self._redis.get(slate_key(user_id))
        except RedisError as error:
            raise _unavailable("GET slate", error) from error
        assert not isinstance(slate, str), "open the client without decode_responses"
        return slate

    async def put_many(self, slates: Sequence[tuple[UserId, int, bytes]], ttl_ms: int) -> int:
        """Cache (user, version, JSON) in one round trip; return how many were newer than before.

        Raises:
            Unavailable: Redis did not answer; repeating is harmless.
        """
        if not slates:
            return 0
        try:
            return await self._put(slates, ttl_ms)
        except NoScriptError:  # the server was restarted, or is another one: teach it again
            self._sha = None
            return await self._retry(slates, ttl_ms)
        except RedisError as error:
            raise _unavailable("put slates", error) from error

    async def delete_many(self, user_ids: Sequence[UserId]) -> None:
        """Forget the users' slates, in one round trip.

        Raises:
            Unavailable: Redis did not answer; repeating is harmless.
        """
        if not user_ids:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for user_id in user_ids:
                    pipe.unlink(slate_key(user_id))
                await pipe.execute()
        except RedisError as error:
            raise _unavailable("delete slates", error) from error

    async def ping(self) -> None:
        """Return when Redis answers.

        Raises:
            Unavailable: It does not.
        """
        try:
            await self._redis.ping()
        except RedisError as error:
            raise _unavailable("PING", error) from error

    async def _retry(self, slates: Sequence[tuple[UserId, int, bytes]], ttl_ms: int) -> int:
        try:
            return await self._put(slates, ttl_ms)
        except RedisError as error:
            raise _unavailable("put slates", error) from error

    async def _put(self, slates: Sequence[tuple[UserId, int, bytes]], ttl_ms: int) -> int:
        if self._sha is None:
            self._sha = str(await self._redis.script_load(_PUT))
        async with self._redis.pipeline(transaction=False) as pipe:
            for user_id, version, slate in slates:
                pipe.evalsha(self._sha, 1, slate_key(user_id), version, slate, ttl_ms)
            return sum(await pipe.execute())


def _unavailable(what: str, error: RedisError) -> Unavailable:
    kind = "cannot be reached" if isinstance(error, RedisConnectionError) else "refused"
    return Unavailable(f"redis: {what} {kind} ({error}); see `segue doctor`")
