"""Walk over every stored session state, in small steps, so that the server stays responsive."""

from collections.abc import AsyncIterator
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.core.errors import Unavailable

_PREFIX: Final = "session:{"
_SUFFIX: Final = "}"
_STEP_KEYS: Final = 1_000


async def scan_sessions(client: Redis) -> AsyncIterator[list[tuple[str, bytes]]]:
    """Yield (user id, stored bytes) in batches. A user may come twice while the server resizes.

    Raises:
        Unavailable: The server did not answer.
    """
    cursor, started = 0, False
    while cursor or not started:
        started = True
        try:
            cursor, found = await client.scan(cursor, match=f"{_PREFIX}*", count=_STEP_KEYS)
            keys = [key.decode() if isinstance(key, bytes) else key for key in found]
            pipeline = client.pipeline(transaction=False)
            for key in keys:
                pipeline.get(key)
            values = await pipeline.execute() if keys else []
        except RedisError as error:
            raise Unavailable(f"redis did not answer a scan of sessions: {error}") from error
        yield [
            (user_of(key), value)
            for key, value in zip(keys, values, strict=True)
            if value is not None
        ]


def user_of(key: str) -> str:
    """Return the user id in a session's key.

    >>> user_of("session:{u1}")
    'u1'
    """
    return key.removeprefix(_PREFIX).removesuffix(_SUFFIX)
