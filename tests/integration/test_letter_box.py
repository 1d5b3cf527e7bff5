"""Files of events go onto the log as they are; what is refused can be listed, shown, sent again."""

from collections import Counter

import msgspec
import pytest

from service.adapters.log_reader import LogReader
from service.core.errors import Refused
from service.core.events import Record
from service.ops.dead_letters import describe, find_letter, list_letters, replay
from service.ops.produce import produce_lines
from service.ops.tail import tail
from service.settings import Settings
from tests.bad_records import bad_records, envelope
from tests.conftest import KafkaForTest, ValkeyForTest
from tests.event_makers import T0_MS, item_fact
from tests.integration.worker_on_stack import work_off


@pytest.fixture
async def settings(kafka: KafkaForTest, valkey: ValkeyForTest) -> Settings:
    made = kafka.settings(valkey.url)
    await kafka.make_topics(made)
    return made


async def everything(settings: Settings, topic: str) -> list[Record]:
    async with LogReader(settings.kafka.bootstrap, topic) as reader:
        return [record async for batch in reader.read() for record in batch]


async def test_lines_arrive_as_they_are_with_the_user_as_key(settings: Settings) -> None:
    good = msgspec.json.encode(item_fact())
    placed = await produce_lines(settings, [good, b"{broken", b"", b"   ", good + b" "])
    records = await everything(settings, settings.topics.events)
    assert placed.total() == len(records) == 3
    by_key = Counter(record.key for record in records)
    assert by_key == {b"u1": 2, None: 1}
    assert {record.value for record in records} == {good, b"{broken", good + b" "}


async def test_a_refused_record_is_listed_shown_and_sent_again_as_it_was(
    settings: Settings,
) -> None:
    corpus = [bad for bad in bad_records(now_ms=T0_MS) if bad.kind in ("nan", "bad_specversion")]
    await produce_lines(settings, [envelope(bad) for bad in corpus], enveloped=True)
    await work_off(settings, len(corpus))

    listing = await list_letters(settings, kind=None, newest_max=3)
    assert listing.by_kind == {"broken_json": 10, "bad_envelope": 10}
    assert len(listing.newest) == 3
    newest = listing.newest[-1]
    shown = dict(describe(await find_letter(settings, f"{newest.partition}@{newest.offset}")))
    assert shown["topic"] == settings.topics.events
    with pytest.raises(Refused, match="no dead letter at 0@999"):
        await find_letter(settings, "0@999")

    before = len(await everything(settings, settings.topics.events))
    assert (await replay(settings, kind="bad_envelope", send=False)).sent == {"bad_envelope": 10}
    assert len(await everything(settings, settings.topics.events)) == before
    await replay(settings, kind="bad_envelope", send=True)
    records = await everything(settings, settings.topics.events)
    assert len(records) == before + 10
    sent_twice = [r for r in records if any(name == "ce_id" for name, _ in r.headers)]
    assert all(
        count == 2 for count in Counter((r.key, r.value, r.headers) for r in sent_twice).values()
    )


async def test_an_oversized_payload_was_cut_and_is_not_sent_again(settings: Settings) -> None:
    corpus = [bad for bad in bad_records(now_ms=T0_MS) if bad.kind == "oversized"]
    await produce_lines(settings, [envelope(bad) for bad in corpus], enveloped=True)
    await work_off(settings, len(corpus))
    done = await replay(settings, send=True)
    assert (done.cut, done.sent.total()) == (10, 0)


async def test_tail_tells_what_is_there_and_what_arrives(settings: Settings) -> None:
    await produce_lines(settings, [msgspec.json.encode(item_fact(event_id="first"))])
    lines = tail(settings, "events", user="u1", from_start=True, as_json=True)
    assert msgspec.json.decode(await anext(lines))["value"]["event_id"] == "first"
    await produce_lines(settings, [msgspec.json.encode(item_fact(event_id="second"))])
    assert msgspec.json.decode(await anext(lines))["value"]["event_id"] == "second"
    await lines.aclose()


async def test_a_reader_says_that_a_topic_does_not_exist(kafka: KafkaForTest) -> None:
    with pytest.raises(Refused, match="there is no topic nowhere"):
        async with LogReader(kafka.bootstrap, "nowhere"):
            pass
