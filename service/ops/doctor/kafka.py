"""Checks of Kafka: listeners, topics, the workers' group and its lag, dead letters, the clock."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Final

from service.adapters.cluster import Cluster, Group
from service.adapters.listeners import advertised_brokers, unreachable
from service.adapters.log_reader import LogReader
from service.core.errors import Refused, Unavailable
from service.embedded.topics import TopicSpec, topic_specs
from service.ops.doctor.check import Check, Verdict
from service.settings import Settings

LAG_MAX_RECORDS: Final = 10_000
CLOCK_SKEW_MAX_MS: Final = 1_000
_SERIOUS: Final = frozenset({"message.timestamp.type", "cleanup.policy"})


async def kafka_checks(settings: Settings) -> AsyncIterator[Check]:
    """Look at the broker first; without it, at nothing else."""
    try:
        brokers = await advertised_brokers(settings.kafka.bootstrap)
    except Unavailable as error:
        yield Check(
            "broker", "fail", str(error), "start it with `segue up`, or set SEGUE_KAFKA__BOOTSTRAP"
        )
        return
    wrong = await unreachable(brokers)
    for broker, why in wrong:
        yield Check(
            f"listener {broker.host}:{broker.port}",
            "fail",
            f"broker {broker.node_id} advertises {broker.host}:{broker.port}: {why}",
            "set the broker's advertised.listeners to an address that clients here can reach",
        )
    if wrong:
        return
    named = ", ".join(f"{one.host}:{one.port}" for one in brokers)
    yield Check("broker", "ok", f"{len(brokers)} answering at every advertised address: {named}")
    async with Cluster.open(settings.kafka.bootstrap) as cluster:
        missing = set[str]()
        async for check, name in _topics(settings, cluster):
            missing |= {name} if check.verdict == "fail" and "missing" in check.found else set()
            yield check
        if settings.topics.events not in missing:
            yield _group(settings, await cluster.group(settings.kafka.group))
            async for check in _log_checks(settings, cluster):
                yield check
        if settings.topics.dead_letters not in missing:
            yield await _dead_letters(settings)


async def _topics(settings: Settings, cluster: Cluster) -> AsyncIterator[tuple[Check, str]]:
    specs = topic_specs(settings)
    partitions = await cluster.partitions([spec.name for spec in specs])
    for spec in specs:
        configs = await cluster.configs(spec.name) if partitions.get(spec.name) else {}
        yield topic_check(spec, partitions.get(spec.name, 0), configs), spec.name


def topic_check(spec: TopicSpec, partitions: int, configs: Mapping[str, str]) -> Check:
    """Compare a topic with what the service would have made."""
    name = f"topic {spec.name}"
    if not partitions:
        return Check(name, "fail", "missing", "create it, or let `segue up` do so")
    wrong = {
        key: (configs[key], value)
        for key, value in spec.configs.items()
        if key in configs and not _fits(key, configs[key], value)
    }
    said = [f"{key} is {found}, {wanted} is wanted" for key, (found, wanted) in wrong.items()]
    if partitions != spec.partitions:
        said.append(f"{partitions} partitions, the settings say {spec.partitions}")
    if not said:
        told = "" if configs or not spec.configs else "; the broker does not tell its settings"
        return Check(name, "ok", f"{partitions} partitions{told}")
    verdict: Verdict = "fail" if wrong.keys() & _SERIOUS else "warn"
    return Check(name, verdict, "; ".join(said), _topic_fix(spec, list(wrong)))


def _fits(key: str, found: str, wanted: str) -> bool:
    if key == "cleanup.policy":
        return set(found.split(",")) == set(wanted.split(","))
    if key.endswith((".bytes", ".ms")):
        return int(found) < 0 or int(found) >= int(wanted)
    return found == wanted


def _topic_fix(spec: TopicSpec, keys: list[str]) -> str:
    if not keys:
        return "set SEGUE_KAFKA__PARTITIONS to what is there; never change it under stored states"
    wanted = ",".join(f"{key}=[{spec.configs[key]}]" for key in keys)
    return f"kafka-configs.sh --alter --topic {spec.name} --add-config {wanted}"


def _group(settings: Settings, group: Group) -> Check:
    found = f"{settings.kafka.group}: {group.state}, {group.members} members"
    if group.members and group.state == "Stable":
        return Check("workers", "ok", found)
    if group.members:
        return Check("workers", "warn", found, "a rebalance is going on; look again in a moment")
    return Check("workers", "warn", found, "no worker runs; start one with `segue worker`")


async def _log_checks(settings: Settings, cluster: Cluster) -> AsyncIterator[Check]:
    topic = settings.topics.events
    committed = await cluster.committed(settings.kafka.group, topic)
    async with LogReader(settings.kafka.bootstrap, topic) as reader:
        begins, ends = await reader.begins(), await reader.ends()
        yield lag_check(begins, ends, committed)
        last = [await reader.read_one(p, end - 1) for p, end in ends.items() if end > begins[p]]
    newest_ms = max((record.timestamp_ms for record in last if record), default=None)
    yield _clock(newest_ms, time.time_ns() // 1_000_000)


def lag_check(
    begins: Mapping[int, int], ends: Mapping[int, int], committed: Mapping[int, int]
) -> Check:
    """Compare committed offsets with the log, partition by partition."""
    lost = [p for p, offset in committed.items() if offset < begins.get(p, 0)]
    beyond = [p for p, offset in committed.items() if offset > ends.get(p, 0)]
    lags = {p: end - max(committed.get(p, 0), begins[p]) for p, end in ends.items()}
    found = ", ".join(f"[{p}] {lag}" for p, lag in sorted(lags.items())) + " records"
    if lost:
        fix = "records were deleted before they were read: raise retention.ms; run `segue verify`"
        return Check("lag", "fail", f"{found}; behind the log's beginning: {lost}", fix)
    if beyond:
        fix = "the topic was made anew: use a new consumer group and an empty store"
        return Check("lag", "fail", f"{found}; committed past the end: {beyond}", fix)
    if max(lags.values(), default=0) > LAG_MAX_RECORDS:
        fix = "add workers, up to one for each partition; see that none is stuck"
        return Check("lag", "warn", found, fix)
    return Check("lag", "ok", found)


def _clock(newest_ms: int | None, now_ms: int) -> Check:
    """The broker stamps records: one from our future tells the skew, at least."""
    if newest_ms is None:
        return Check("broker clock", "info", "not known: no records yet")
    ahead_ms = newest_ms - now_ms
    if ahead_ms > CLOCK_SKEW_MAX_MS:
        found = f"at least {ahead_ms} ms ahead of this machine"
        return Check("broker clock", "warn", found, "run an NTP client on both")
    return Check("broker clock", "ok", "not ahead of this machine")


async def _dead_letters(settings: Settings) -> Check:
    topic = settings.topics.dead_letters
    try:
        async with LogReader(settings.kafka.bootstrap, topic) as reader:
            begins, ends = await reader.begins(), await reader.ends()
    except (Refused, Unavailable) as error:
        return Check("dead letters", "fail", str(error))
    count = sum(ends.values()) - sum(begins.values())
    if count:
        return Check("dead letters", "warn", f"{count}", "look at them: `segue dead-letters ls`")
    return Check("dead letters", "ok", "none")
