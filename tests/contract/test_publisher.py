"""What every publisher does: in memory, and on a real Kafka."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from service.adapters.kafka import KafkaPublisher
from service.adapters.memory import MemoryPublisher
from service.core import events as ev
from service.core.errors import PoisonKind, PoisonRecord, Unavailable
from service.core.letters import dead_letter
from service.core.slates import DeadLetter, Model, Outcome, OutcomeBatch, Slate, Source
from service.core.wire import RECORD_MAX_BYTES
from service.ports import Publication, Publisher, Trace
from service.settings import KafkaSettings, Settings, TopicSettings
from tests.conftest import KafkaForTest
from tests.event_makers import T0_MS

U1, U2 = ev.UserId("u1"), ev.UserId("u2")
MODEL = Model("ranker", "1")
TRACE = Trace(version=9, appended_at_ms=1, polled_at_ns=2, stored_at_ns=3, ranked_at_ns=4)


def slate(version: int, user: ev.UserId = U1) -> Slate:
    return Slate(
        user_id=user,
        session_id="0-0",
        version=version,
        source=Source(0, version - 1),
        state_digest="0" * 16,
        trigger_event_id=ev.EventId("e1"),
        reason="skipped",
        generated_at_ms=T0_MS,
        ttl_ms=1_000,
        model=MODEL,
    )


OUTCOMES = OutcomeBatch(
    partition=2,
    model=MODEL,
    outcomes=(
        Outcome(
            user_id=U1,
            session_id="0-0",
            event_id=ev.EventId("e1"),
            offset=7,
            type="skipped",
            item_id=ev.ItemId("i1"),
            content_type="music",
            at_ms=T0_MS,
        ),
    ),
)


def letter(**changes: Any) -> DeadLetter:
    given: dict[str, Any] = {
        "topic": "playback.events.v1",
        "partition": 3,
        "offset": 41,
        "timestamp_ms": T0_MS,
        "key": b"u1",
        "value": b"\xff{",
        "headers": (("h", b"1"), ("h", b"2")),
        "kind": "broken_json",
        "message": "not JSON",
        "attempt": 1,
        "first_failed_at_ms": T0_MS + 5,
    }
    return DeadLetter(**(given | changes))


class Output(Protocol):
    """A publisher, and what its readers find."""

    @property
    def publisher(self) -> Publisher:
        """The port."""
        ...

    async def slates(self) -> list[tuple[str, Slate | None]]:
        """Users and slates, in the order of each user."""
        ...

    async def outcomes(self) -> list[OutcomeBatch]:
        """Batches of outcomes."""
        ...

    async def letters(self) -> list[tuple[bytes | None, bytes | None]]:
        """Keys and payloads of dead letters."""
        ...


class MemoryOutput:
    """The twin keeps everything."""

    def __init__(self) -> None:
        self.publisher = MemoryPublisher()

    async def slates(self) -> list[tuple[str, Slate | None]]:
        return [(u, s) for p in self.publisher.publications for u, s, _ in p.slates]

    async def outcomes(self) -> list[OutcomeBatch]:
        return [batch for p in self.publisher.publications for batch in p.outcomes]

    async def letters(self) -> list[tuple[bytes | None, bytes | None]]:
        return [(x.key, x.value) for p in self.publisher.publications for x in p.dead_letters]


class KafkaOutput:
    """Topics of this test alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.publisher = KafkaPublisher(settings.kafka, settings.topics)

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Everything in the topic, partition by partition: what was acknowledged is there."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka.bootstrap, auto_offset_reset="earliest"
        ) as reader:
            places = [TopicPartition(topic, n) for n in range(self._settings.kafka.partitions)]
            reader.assign(places)
            missing = sum((await reader.end_offsets(places)).values())
            found: list[ConsumerRecord] = []
            while len(found) < missing:
                for some in (await reader.getmany(timeout_ms=1_000)).values():
                    found += some
        return found

    async def slates(self) -> list[tuple[str, Slate | None]]:
        return [
            (r.key.decode(), r.value and msgspec.json.decode(r.value, type=Slate))
            for r in await self.records(self._settings.topics.slates)
        ]

    async def outcomes(self) -> list[OutcomeBatch]:
        found = await self.records(self._settings.topics.outcomes)
        return [msgspec.json.decode(r.value, type=OutcomeBatch) for r in found]

    async def letters(self) -> list[tuple[bytes | None, bytes | None]]:
        return [(r.key, r.value) for r in await self.records(self._settings.topics.dead_letters)]


@pytest.fixture(params=["memory", "kafka"])
def place(request: pytest.FixtureRequest) -> KafkaForTest | None:
    """The broker, and None for the twin."""
    if request.param == "memory":
        return None
    kafka: KafkaForTest = request.getfixturevalue("kafka")
    return kafka


@pytest.fixture
async def output(place: KafkaForTest | None) -> AsyncIterator[Output]:
    """A publisher of each kind."""
    if place is None:
        yield MemoryOutput()
        return
    async for real in opened(place):
        yield real


@pytest.fixture
async def real(kafka: KafkaForTest) -> AsyncIterator[KafkaOutput]:
    """A publisher on Kafka."""
    async for output in opened(kafka):
        yield output


async def opened(kafka: KafkaForTest) -> AsyncIterator[KafkaOutput]:
    settings = kafka.settings()
    await kafka.make_topics(settings)
    output = KafkaOutput(settings)
    await output.publisher.start()
    yield output
    await output.publisher.stop()


async def test_slates_go_out_under_their_user_in_order(output: Output) -> None:
    for first in (1, 3):
        pairs = [(U1, slate(first)), (U2, slate(first, U2)), (U1, slate(first + 1))]
        await output.publisher.publish(Publication(slates=[(u, s, TRACE) for u, s in pairs]))
    found = await output.slates()
    assert [s for u, s in found if u == U1] == [slate(n) for n in (1, 2, 3, 4)]
    assert [s for u, s in found if u == U2] == [slate(1, U2), slate(3, U2)]


async def test_a_deleted_user_s_slate_is_a_tombstone(output: Output) -> None:
    await output.publisher.publish(Publication(slates=[(U1, slate(1), TRACE)]))
    await output.publisher.publish(Publication(slates=[(U1, None, TRACE)]))
    assert await output.slates() == [(U1, slate(1)), (U1, None)]


async def test_outcomes_go_out_as_one_batch(output: Output) -> None:
    await output.publisher.publish(Publication(outcomes=[OUTCOMES]))
    assert await output.outcomes() == [OUTCOMES]


async def test_a_dead_letter_keeps_its_payload_and_key(output: Output) -> None:
    letters = [letter(), letter(key=None, value=b""), letter(value=b"x" * RECORD_MAX_BYTES)]
    await output.publisher.publish(Publication(dead_letters=letters))
    assert sorted(await output.letters(), key=repr) == sorted(
        [(each.key, each.value) for each in letters], key=repr
    )


async def test_publishing_nothing_is_no_failure(output: Output) -> None:
    await output.publisher.publish(Publication())
    assert await output.slates() == []


# Of Kafka alone: headers, sizes, failures


async def test_a_slate_s_headers_carry_the_times_along_its_way(real: KafkaOutput) -> None:
    whole = msgspec.structs.replace(TRACE, traceparent=b"00-ab", sent_at_ns=b"17")
    await real.publisher.publish(Publication(slates=[(U1, slate(1), whole), (U1, slate(2), TRACE)]))
    first, second = await real.records(real._settings.topics.slates)
    times = {
        "segue.version": b"9",
        "segue.appended_at_ms": b"1",
        "segue.polled_at_ns": b"2",
        "segue.stored_at_ns": b"3",
        "segue.ranked_at_ns": b"4",
    }
    assert dict(first.headers) == {**times, "segue.sent_at_ns": b"17", "traceparent": b"00-ab"}
    assert dict(second.headers) == times


async def test_a_dead_letter_s_headers_say_where_it_came_from_and_why(real: KafkaOutput) -> None:
    await real.publisher.publish(Publication(dead_letters=[letter()]))
    (found,) = await real.records(real._settings.topics.dead_letters)
    assert found.headers == (
        ("h", b"1"),
        ("h", b"2"),
        ("segue.error.topic", b"playback.events.v1"),
        ("segue.error.partition", b"3"),
        ("segue.error.offset", b"41"),
        ("segue.error.timestamp_ms", b"%d" % T0_MS),
        ("segue.error.kind", b"broken_json"),
        ("segue.error.message", b"not JSON"),
        ("segue.error.attempt", b"1"),
        ("segue.error.first_failed_at_ms", b"%d" % (T0_MS + 5)),
    )


async def test_a_header_without_a_value_stays_without_one(real: KafkaOutput) -> None:
    empty: Any = (("h", None),)
    await real.publisher.publish(Publication(dead_letters=[letter(headers=empty)]))
    (found,) = await real.records(real._settings.topics.dead_letters)
    assert found.headers[0] == ("h", None)


@pytest.mark.parametrize("where", ["key", "headers"])
async def test_a_dead_letter_with_a_key_or_header_of_megabytes_still_goes_out(
    real: KafkaOutput, where: str
) -> None:
    huge = b"k" * (3 << 20)
    key, headers = (huge, ()) if where == "key" else (b"u1", (("h", huge),))
    record = ev.Record(0, 41, T0_MS, key, b"{", headers)
    poison = PoisonRecord(PoisonKind.WRONG_KEY, "no user")
    cut = dead_letter(record, poison, "playback.events.v1", T0_MS)
    await real.publisher.publish(Publication(dead_letters=[cut, letter(offset=42)]))
    assert len(await real.letters()) == 2


async def test_no_broker_is_unavailable() -> None:
    publisher = KafkaPublisher(KafkaSettings(bootstrap="127.0.0.1:1"), TopicSettings())
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await publisher.start()
    await publisher.stop()
