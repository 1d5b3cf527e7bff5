"""Bad records among good ones, on a real broker and store: exactly they are dead-lettered."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from service.adapters.log_reader import LogReader
from service.adapters.redis import connect
from service.core.codec import decode_stored, encode_stored
from service.core.wire import RECORD_MAX_BYTES
from service.embedded.fleet import running_fleet
from service.ops.letter_book import facts_of
from service.ops.verify import verify
from service.ops.verify_report import as_json
from service.settings import Settings
from tests.bad_records import BadRecord, bad_records, envelope
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.event_makers import ITEM_FACTS, item_fact
from tests.integration.shell import Shell
from tests.integration.small_log import environment, make_plays, with_catalog
from tests.integration.worker_on_stack import Produced, produce, work_off

GOOD = 400


def good_records(now_ms: int, count: int = GOOD) -> list[Produced]:
    made: list[Produced] = []
    for n in range(count):
        event = item_fact(
            ITEM_FACTS[n % len(ITEM_FACTS)],
            f"i{n % 40}",
            user_id=f"u{n % 5}",
            event_id=f"good-{n}",
            at_ms=now_ms - (count - n) * 1000,
        )
        made.append((event.user_id.encode(), msgspec.json.encode(event), ()))
    return made


def mixed(now_ms: int) -> list[Produced]:
    """Two good ones, a bad one, two good ones, ..."""
    good, mixture = good_records(now_ms), []
    users = [f"u{n}" for n in range(5)]
    for bad in bad_records(users, now_ms=now_ms):
        mixture += [good.pop(0), good.pop(0), (bad.key, bad.value, bad.headers)]
    return mixture + good


@pytest.fixture
async def settings(kafka: KafkaForTest, valkey: ValkeyForTest) -> Settings:
    made = kafka.settings(valkey.url)
    await kafka.make_topics(made)
    return made


async def test_exactly_the_bad_records_are_dead_lettered_and_all_good_ones_folded(
    settings: Settings,
) -> None:
    mixture = mixed(time.time_ns() // 1_000_000)
    await produce(settings, mixture)
    await work_off(settings, len(mixture))
    ledger = await verify(settings, until_drained_s=5)
    said = as_json(ledger)
    assert said["ok"], said["problems"]
    assert said["drained"]
    assert said["inputs"]["dead_lettered"] == 200
    assert sum(said["inputs"].values()) == GOOD + 200
    expected = Counter(bad.poison.value for bad in bad_records())
    assert said["dead_letters"] == dict(expected)
    assert said["states_equal"] == 5


def as_line(record: Produced) -> bytes:
    key, value, _ = record
    assert key is not None
    assert value is not None
    return json.dumps({"key": key.decode(), "value": value.decode()}).encode()


def cut(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes]:
    return key, (value or b"")[:RECORD_MAX_BYTES]


def as_letters(records: Iterable[BadRecord]) -> Counter[tuple[str, tuple[bytes | None, bytes]]]:
    return Counter((bad.poison.value, cut(bad.key, bad.value)) for bad in records)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_file_with_bad_lines_goes_through_a_worker_and_each_is_accounted_for(
    kafka: KafkaForTest, valkey: ValkeyForTest, tmp_path: Path
) -> None:
    now_ms = time.time_ns() // 1_000_000
    good = good_records(now_ms, 2_000)
    bad = bad_records([f"u{n}" for n in range(5)], now_ms=now_ms)
    stride = len(good) // len(bad)
    mixture = [
        line
        for n, one in enumerate(bad)
        for line in (*map(as_line, good[n * stride : (n + 1) * stride]), envelope(one))
    ]
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join(mixture))
    settings = with_catalog(kafka.settings(valkey.url), make_plays(200), tmp_path / "catalog")
    await kafka.make_topics(settings)
    segue = Shell(settings)
    async with running_fleet(settings, environment(settings), with_api=False):
        produced = await segue.run("events", "produce", "--envelope", str(tmp_path / "mixed.jsonl"))
        assert (produced[0], produced[1][:22]) == (0, "2200 records produced ")
        code, said = await segue.json("verify", "--json", "--until-drained", "90")
    assert (code, said["ok"], said["drained"]) == (0, True, True), said["problems"]
    assert said["records"] == 2_200
    assert said["inputs"]["dead_lettered"] == 200
    assert said["states_equal"] == said["users"] == 5
    async with LogReader(settings.kafka.bootstrap, settings.topics.dead_letters) as reader:
        letters = [record async for batch in reader.read() for record in batch]
    found = Counter((facts_of(one)["kind"], cut(one.key, one.value)) for one in letters)
    assert found == as_letters(bad)


async def test_a_state_changed_behind_the_services_back_is_found(settings: Settings) -> None:
    mixture = good_records(time.time_ns() // 1_000_000)
    await produce(settings, mixture)
    await work_off(settings, len(mixture))
    await tamper(settings, "session:{u0}")
    said = as_json(await verify(settings))
    assert not said["ok"]
    assert list(said["problems"]) == ["state_differs"]
    assert "session:{u0}" in said["problems"]["state_differs"]["examples"][0]


async def tamper(settings: Settings, key: str) -> None:
    redis = connect(settings.redis.url)
    try:
        value = await redis.get(key)
        assert isinstance(value, bytes)
        stored = decode_stored(value)
        state = msgspec.structs.replace(stored.state, session_len=0)
        await redis.set(key, encode_stored(msgspec.structs.replace(stored, state=state)))
    finally:
        await redis.aclose()


async def test_records_that_nobody_has_worked_off_are_in_flight(settings: Settings) -> None:
    await produce(settings, good_records(1_700_000_000_000)[:10])
    said = as_json(await verify(settings))
    assert said["ok"]
    assert not said["drained"]
    assert said["inputs"] == {"in_flight": 10}
