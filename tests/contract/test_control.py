"""What every control topic does: in memory, and on a real Kafka."""

from contextlib import aclosing

import pytest

from service.adapters.control_topic import KafkaControl
from service.adapters.memory_control import MemoryControl
from service.core.control import AliasBook, AliasMoved
from service.core.errors import Refused
from service.lifecycle.ports import Control
from tests.conftest import KafkaForTest


def moved(version: str, sequence: int) -> AliasMoved:
    return AliasMoved(
        name="ranker",
        alias="challenger",
        version=version,
        sequence=sequence,
        at_ms=1,
        by="ops",
        reason="a test",
        share=0.25,
    )


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.slow)])
def broker(request: pytest.FixtureRequest) -> KafkaForTest | None:
    """Asked for outside of the loop: a real broker is started from synchronous code."""
    return None if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
async def control(broker: KafkaForTest | None) -> Control:
    if broker is None:
        return MemoryControl()
    await broker.make_topics(broker.settings())
    return KafkaControl(broker.bootstrap, broker.settings().topics.control)


async def test_what_was_announced_is_read_again_in_order(control: Control) -> None:
    assert await control.past() == []
    for sequence in (1, 2):
        await control.announce(moved(f"v{sequence}", sequence))
    book = AliasBook("ranker")
    news = [book.read(record.key, record.value) for record in await control.past()]
    assert news == [moved("v1", 1), moved("v2", 2)]


async def test_a_follower_hears_the_past_and_then_what_comes(control: Control) -> None:
    await control.announce(moved("v1", 1))
    book, heard = AliasBook("ranker"), []
    async with aclosing(control.follow()) as follow:  # type: ignore[type-var]
        async for batch in follow:
            heard += [book.read(record.key, record.value) for record in batch]
            if len(heard) == 1:
                await control.announce(moved("v2", 2))
            else:
                break
    assert heard == [moved("v1", 1), moved("v2", 2)]


async def test_every_follower_hears_everything(control: Control) -> None:
    await control.announce(moved("v1", 1))
    for _ in range(2):
        async with aclosing(control.follow()) as follow:  # type: ignore[type-var]
            batch = await anext(follow)
        assert len(batch) == 1


@pytest.mark.slow
async def test_a_topic_that_is_not_there_is_refused_by_name(kafka: KafkaForTest) -> None:
    name = f"{kafka.prefix}nowhere"
    with pytest.raises(Refused, match=name):
        await KafkaControl(kafka.bootstrap, name).past()
