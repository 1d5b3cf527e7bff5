"""Read everything back and compare: `segue verify`.

The order of reading is what makes it sound:

    committed offsets   everything below them must be accounted for, because
    slates, letters     are read after: what they should hold is in them by then
    session states      are read after: none is ahead of
    the input log       which is read last, to its end

so a live service verifies clean too; what is not committed yet counts as in flight.
"""

import asyncio
import time
from typing import Final

from service.adapters.cluster import Cluster
from service.adapters.log_reader import LogReader
from service.adapters.redis import connect
from service.adapters.session_scan import scan_sessions
from service.core.errors import Unavailable
from service.ops.ledger import Ledger, LogFacts
from service.settings import Settings

_DRAIN_POLL_S: Final = 0.2


async def verify(
    settings: Settings, *, until_drained_s: float = 0, timeout_s: float = 600
) -> Ledger:
    """Return the closed ledger of the service these settings name.

    Args:
        settings: Broker, topics, group and store.
        until_drained_s: Wait up to this long until everything is committed.
        timeout_s: For all of it.

    Raises:
        Unavailable: Something did not answer, or the time is up.
        Refused: A topic does not exist.
    """
    try:
        async with asyncio.timeout(timeout_s), Cluster.open(settings.kafka.bootstrap) as cluster:
            ledger = Ledger(await _facts(settings, cluster, until_drained_s))
            await _read_outputs(settings, ledger)
            await _read_states(settings, ledger)
            await _read_inputs(settings, ledger)
    except TimeoutError as error:
        raise Unavailable(f"not verified within {timeout_s:g} s; raise --timeout") from error
    ledger.close()
    return ledger


async def _facts(settings: Settings, cluster: Cluster, until_drained_s: float) -> LogFacts:
    deadline = time.monotonic() + until_drained_s
    async with LogReader(settings.kafka.bootstrap, settings.topics.events) as reader:
        while True:
            facts = await _facts_now(settings, cluster, reader)
            if facts.is_drained or time.monotonic() >= deadline:
                return facts
            await asyncio.sleep(_DRAIN_POLL_S)


async def _facts_now(settings: Settings, cluster: Cluster, reader: LogReader) -> LogFacts:
    topic = settings.topics.events
    committed = await cluster.committed(settings.kafka.group, topic)
    return LogFacts(
        topic=topic,
        lineage=await cluster.lineage(topic),
        begins=await reader.begins(),
        ends=await reader.ends(),
        committed=committed,
        session_ttl_ms=settings.redis.session_ttl_ms,
        now_ms=time.time_ns() // 1_000_000,
    )


async def _read_outputs(settings: Settings, ledger: Ledger) -> None:
    books = (
        (settings.topics.slates, ledger.slates.take),
        (settings.topics.dead_letters, ledger.letters.take),
    )
    for topic, take in books:
        async with LogReader(settings.kafka.bootstrap, topic) as reader:
            async for batch in reader.read():
                for record in batch:
                    take(record)


async def _read_states(settings: Settings, ledger: Ledger) -> None:
    client = connect(settings.redis.url)
    try:
        async for batch in scan_sessions(client):
            for user_id, value in batch:
                ledger.take_state(user_id, value)
    finally:
        await client.aclose()


async def _read_inputs(settings: Settings, ledger: Ledger) -> None:
    async with LogReader(settings.kafka.bootstrap, settings.topics.events) as reader:
        async for batch in reader.read():
            for record in batch:
                ledger.take_input(record)
