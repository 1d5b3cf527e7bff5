"""What the doctor makes of what it is told; the integration tests ask real servers."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.embedded.topics import TopicSpec, topic_specs
from service.ops.doctor.check import Check, all_pass, as_json, as_table
from service.ops.doctor.kafka import lag_check, topic_check
from service.ops.doctor.machine import available_bytes, machine_checks
from service.ops.doctor.parts import part_checks
from service.ops.doctor.redis import server_checks
from service.settings import CatalogSettings, ModelSettings, Settings

EVENTS, SLATES, *_ = topic_specs(Settings())
GOOD_SERVER: dict[str, Any] = {
    "redis_version": "7.2.4",
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "used_memory": 1,
    "maxmemory": 0,
}


def verdicts(**changes: Any) -> dict[str, str]:
    return {check.name: check.verdict for check in server_checks(GOOD_SERVER | changes)}


def test_a_server_as_it_should_be_passes() -> None:
    assert set(verdicts().values()) == {"ok"}
    assert set(verdicts(valkey_version="9.1.2", redis_version="7.2.4").values()) == {"ok"}


@pytest.mark.parametrize(
    ("changes", "name", "verdict"),
    [
        ({"redis_version": "6.2.1"}, "redis", "fail"),
        ({"maxmemory_policy": "allkeys-lru"}, "redis eviction", "fail"),
        ({"aof_enabled": 0}, "redis append-only file", "warn"),
        ({"aof_last_write_status": "err"}, "redis append-only file", "fail"),
        ({"used_memory": 95, "maxmemory": 100}, "redis memory", "warn"),
    ],
)
def test_a_server_that_loses_or_refuses_sessions_is_named(
    changes: dict[str, Any], name: str, verdict: str
) -> None:
    assert verdicts(**changes)[name] == verdict


def test_a_topic_as_the_service_makes_it_passes() -> None:
    assert topic_check(EVENTS, 4, EVENTS.configs).verdict == "ok"
    assert (
        topic_check(SLATES, 4, SLATES.configs | {"cleanup.policy": "delete,compact"}).verdict
        == "ok"
    )


@pytest.mark.parametrize(
    ("spec", "partitions", "changes", "verdict", "found"),
    [
        (EVENTS, 0, {}, "fail", "missing"),
        (EVENTS, 6, {}, "warn", "6 partitions, the settings say 4"),
        (EVENTS, 4, {"message.timestamp.type": "CreateTime"}, "fail", "LogAppendTime is wanted"),
        (EVENTS, 4, {"max.message.bytes": "1048588"}, "warn", "max.message.bytes is 1048588"),
        (SLATES, 4, {"cleanup.policy": "delete"}, "fail", "compact,delete is wanted"),
    ],
)
def test_a_topic_that_is_otherwise_says_what_is_wanted_and_how(
    spec: TopicSpec, partitions: int, changes: dict[str, str], verdict: str, found: str
) -> None:
    check = topic_check(spec, partitions, spec.configs | changes)
    assert check.verdict == verdict
    assert found in check.found
    assert check.fix


@pytest.mark.parametrize(
    ("begins", "ends", "committed", "verdict"),
    [
        ({0: 0}, {0: 10}, {0: 10}, "ok"),
        ({0: 0}, {0: 10}, {}, "ok"),
        ({0: 0}, {0: 50_000}, {0: 10}, "warn"),
        ({0: 20}, {0: 30}, {0: 10}, "fail"),
        ({0: 0}, {0: 5}, {0: 10}, "fail"),
    ],
)
def test_lag_is_judged_by_the_log(
    begins: dict[int, int], ends: dict[int, int], committed: dict[int, int], verdict: str
) -> None:
    assert lag_check(begins, ends, committed).verdict == verdict


def test_available_memory_is_read_from_meminfo(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  100 kB\nMemAvailable:   42 kB\n")
    assert available_bytes(meminfo) == 42 * 1024
    assert available_bytes(tmp_path / "none") is None


def test_the_machine_is_looked_at_even_where_the_work_folder_is_not_there_yet(
    tmp_path: Path,
) -> None:
    checks = {check.name: check for check in machine_checks(tmp_path / "a" / "b")}
    assert list(checks) == ["python", "cores", "memory", "disk", "open files", "java"]
    assert checks["python"].verdict == "ok"


def test_a_missing_model_and_catalogue_fail_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(
        model=ModelSettings(path=tmp_path / "m"), catalog=CatalogSettings(path=tmp_path / "c")
    )
    checks = list(part_checks(settings))
    assert [check.verdict for check in checks] == ["fail", "fail"]
    assert "no model in" in checks[0].found


def test_a_warning_is_no_failure_and_its_fix_is_shown() -> None:
    checks = [Check("a", "ok", "fine"), Check("b", "warn", "hm", "do [this]")]
    assert all_pass(checks)
    assert as_json([*checks, Check("c", "fail", "broken")])["ok"] is False
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(as_table(checks))
    assert "-> do [this]" in console.export_text()
