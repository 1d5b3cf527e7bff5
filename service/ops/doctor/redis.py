"""Checks of Redis or Valkey: version, eviction, durability, speed, memory, the Function."""

import time
from collections.abc import AsyncIterator, Mapping
from statistics import median
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.adapters.redis import FUNCTION, connect
from service.ops.doctor.check import Check
from service.settings import Settings

_PINGS: Final = 20
_LATENCY_MAX_MS: Final = 5.0
_SKEW_MAX_MS: Final = 1_000
_MiB: Final = 1024**2


async def redis_checks(settings: Settings) -> AsyncIterator[Check]:
    """Ask the server; when it does not answer, that is the only check."""
    client = connect(settings.redis.url)
    try:
        facts: dict[str, Any] = await client.info()
        for check in server_checks(facts):
            yield check
        yield await _latency(client)
        yield await _clock(client)
        yield await _function(client)
    except RedisError as error:
        fix = "start it with `segue up`, or set SEGUE_REDIS__URL"
        yield Check("redis", "fail", f"does not answer: {error}", fix)
    finally:
        await client.aclose()


def server_checks(facts: Mapping[str, Any]) -> list[Check]:
    """Judge what INFO says."""
    return [_version(facts), _eviction(facts), _append_only(facts), _memory(facts)]


def _version(facts: Mapping[str, Any]) -> Check:
    valkey = facts.get("valkey_version")
    version = str(valkey or facts.get("redis_version", "?"))
    found = f"{'Valkey' if valkey else 'Redis'} {version}"
    major = version.split(".", maxsplit=1)[0]
    if not major.isdigit() or int(major) < 7:
        return Check("redis", "fail", found, "7.0 or newer is needed, for Functions")
    return Check("redis", "ok", found)


def _eviction(facts: Mapping[str, Any]) -> Check:
    policy = str(facts.get("maxmemory_policy", "?"))
    if policy == "noeviction":
        return Check("redis eviction", "ok", policy)
    fix = "CONFIG SET maxmemory-policy noeviction: an evicted session is a session that lies"
    return Check("redis eviction", "fail", policy, fix)


def _append_only(facts: Mapping[str, Any]) -> Check:
    if not int(facts.get("aof_enabled", 0)):
        fix = "CONFIG SET appendonly yes; else a restart forgets sessions since the last snapshot"
        return Check("redis append-only file", "warn", "off", fix)
    if facts.get("aof_last_write_status", "ok") != "ok":
        fix = "look at the server's disk: it cannot write"
        return Check("redis append-only file", "fail", "last write failed", fix)
    return Check("redis append-only file", "ok", "on")


def _memory(facts: Mapping[str, Any]) -> Check:
    used, limit = int(facts.get("used_memory", 0)), int(facts.get("maxmemory", 0))
    found = f"{used / _MiB:.1f} MiB used" + (f" of {limit / _MiB:.0f} MiB" if limit else "")
    if limit and used > 0.8 * limit:
        fix = "raise maxmemory: at the limit, writes are refused and the workers wait"
        return Check("redis memory", "warn", found, fix)
    return Check("redis memory", "ok", found)


async def _latency(client: Redis) -> Check:
    times_ms = []
    for _ in range(_PINGS):
        begun = time.perf_counter()
        await client.ping()
        times_ms.append((time.perf_counter() - begun) * 1000)
    found = f"ping {median(times_ms):.2f} ms, at most {max(times_ms):.2f} ms"
    if median(times_ms) > _LATENCY_MAX_MS:
        return Check("redis latency", "warn", found, "put it nearer: every batch waits for it")
    return Check("redis latency", "ok", found)


async def _clock(client: Redis) -> Check:
    seconds, micros = await client.time()
    skew_ms = seconds * 1000 + micros // 1000 - time.time_ns() // 1_000_000
    found = f"{skew_ms:+d} ms from this machine"
    if abs(skew_ms) > _SKEW_MAX_MS:
        return Check("redis clock", "warn", found, "run an NTP client on both")
    return Check("redis clock", "ok", found)


async def _function(client: Redis) -> Check:
    libraries: Any = await client.function_list(library="segue")
    if FUNCTION in repr(libraries):
        return Check("redis function", "ok", f"{FUNCTION} is loaded")
    return Check("redis function", "info", f"{FUNCTION} is not there; a worker loads it")
