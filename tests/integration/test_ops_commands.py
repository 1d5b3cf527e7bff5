"""The operator's commands as somebody types them: exit codes, tables, JSON on the last line."""

import time
from pathlib import Path

import msgspec
import pytest

from service.ops.samples import sample_events
from service.ops.topic_init import init_topics
from service.settings import Settings
from tests.bad_records import bad_records, envelope
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.integration.shell import Shell
from tests.integration.worker_on_stack import work_off


@pytest.fixture
async def settings(kafka: KafkaForTest, valkey: ValkeyForTest) -> Settings:
    made = kafka.settings(valkey.url)
    assert len(await init_topics(made)) == 5
    assert await init_topics(made) == [], "a second time, all are there"
    return made


@pytest.fixture
def segue(settings: Settings) -> Shell:
    return Shell(settings)


def sample() -> bytes:
    now_ms = time.time_ns() // 1_000_000
    return b"".join(msgspec.json.encode(event) + b"\n" for event in sample_events(now_ms))


async def test_a_file_of_events_is_checked_sent_worked_off_and_verified(
    segue: Shell, settings: Settings, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(sample())
    corpus = [envelope(one) for one in bad_records() if one.kind in ("nan", "null_key")]
    bad.write_bytes(b"\n".join(corpus))

    assert (await segue.run("events", "validate", str(good))) == (0, "12 events, 0 bad\n")
    code, printed = await segue.run("events", "validate", "--envelope", str(bad))
    assert (code, printed.splitlines()[-1]) == (1, "20 events, 20 bad: 10 broken_json, 10 null_key")

    code, printed = await segue.run("events", "produce", "-", stdin=good.read_bytes())
    assert (code, printed[:20]) == (0, "12 records produced ")
    assert (await segue.run("events", "produce", "--envelope", str(bad)))[0] == 0
    await work_off(settings, 32)

    code, said = await segue.json("verify", "--json", "--until-drained", "5")
    assert (code, said["ok"], said["records"]) == (0, True, 32)
    assert said["dead_letters"] == {"broken_json": 10, "null_key": 10}
    code, printed = await segue.run("verify")
    assert code == 0
    assert "every input accounted for" in printed

    code, said = await segue.json("dead-letters", "ls", "--json", "--kind", "null_key")
    assert (code, said["by_kind"]) == (0, {"null_key": 10})
    place = said["newest"][0]["letter"]
    code, printed = await segue.run("dead-letters", "show", place)
    assert (code, "null_key" in printed) == (0, True)
    code, printed = await segue.run("dead-letters", "replay", "--kind", "null_key")
    assert (code, printed) == (0, "would send again: 10 null_key; say --yes to do it\n")
    assert "letter" in (await segue.run("dead-letters", "ls"))[1]

    code, printed = await segue.run("tail", "events", "--from-start", "--count", "32")
    assert (code, len(printed.splitlines())) == (0, 32)
    code, said = await segue.json("tail", "slates", "--from-start", "--count", "1", "--json")
    assert (code, said["key"]) == (0, "sample-user")


async def test_the_doctor_fails_where_something_is_missing(segue: Shell) -> None:
    code, said = await segue.json("doctor", "--json")
    failed = {check["name"] for check in said["checks"] if check["verdict"] == "fail"}
    assert failed <= {"catalogue"}, said
    assert code == (1 if failed else 0)
    assert "broker" in (await segue.run("doctor"))[1]


async def test_commands_end_with_one_line_when_they_cannot(segue: Shell) -> None:
    for words in (
        ("events", "validate", "/no/such/file"),
        ("dead-letters", "show", "somewhere"),
        ("dead-letters", "show", "0@77"),
    ):
        code, printed = await segue.run(*words)
        assert code == 1
        assert printed.startswith("segue: "), printed
        assert len(printed.splitlines()) == 1


async def test_the_contracts_are_checked_and_written(segue: Shell, tmp_path: Path) -> None:
    assert (await segue.run("contracts", "--check"))[0] == 0
    assert (await segue.run("contracts", "--check", "--out", str(tmp_path)))[0] == 1
    assert (await segue.run("contracts", "--out", str(tmp_path)))[0] == 0
    assert (await segue.run("contracts", "--check", "--out", str(tmp_path)))[0] == 0
