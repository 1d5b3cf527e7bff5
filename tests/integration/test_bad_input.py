"""Bad records among good ones, on a real broker and store: exactly they are dead-lettered."""

import time
from collections import Counter

import msgspec
import pytest

from service.adapters.redis import connect
from service.core.codec import decode_stored, encode_stored
from service.ops.verify import verify
from service.ops.verify_report import as_json
from service.settings import Settings
from tests.bad_records import bad_records
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.event_makers import ITEM_FACTS, item_fact
from tests.integration.worker_on_stack import Produced, produce, work_off

GOOD = 400


def good_records(now_ms: int) -> list[Produced]:
    made: list[Produced] = []
    for n in range(GOOD):
        event = item_fact(
            ITEM_FACTS[n % len(ITEM_FACTS)],
            f"i{n % 40}",
            user_id=f"u{n % 5}",
            event_id=f"good-{n}",
            at_ms=now_ms - (GOOD - n) * 1000,
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
