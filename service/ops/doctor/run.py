"""Run every check. One that cannot be made is a failure by itself, and stops none of the others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from service.core.errors import SegueError
from service.ops.doctor.check import Check
from service.ops.doctor.kafka import kafka_checks
from service.ops.doctor.machine import machine_checks
from service.ops.doctor.parts import part_checks
from service.ops.doctor.redis import redis_checks
from service.settings import Settings

_TIMEOUT_S: Final = 30.0


async def examine(settings: Settings) -> list[Check]:
    """Return all checks, in the order of the data's way: machine, Kafka, Redis, what is loaded."""
    kafka, redis = await asyncio.gather(
        _all("kafka", kafka_checks(settings)), _all("redis", redis_checks(settings))
    )
    return [
        *machine_checks(settings.work_dir),
        *kafka,
        *redis,
        *part_checks(settings),
    ]


async def _all(name: str, checks: AsyncIterator[Check]) -> list[Check]:
    done: list[Check] = []
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for check in checks:
                done.append(check)  # noqa: PERF401  what was found before a failure is kept
    except SegueError as error:
        done.append(Check(name, "fail", str(error)))
    except TimeoutError:
        done.append(Check(name, "fail", f"no answer within {_TIMEOUT_S:g} s"))
    return done
