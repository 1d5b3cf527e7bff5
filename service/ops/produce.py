"""Produce the lines of a file to the events topic, as they are, at a rate or as fast as it goes."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from service.adapters.record_writer import RawRecord, RecordWriter
from service.core.errors import Refused
from service.ops.event_lines import record_of_line
from service.settings import Settings

_BATCH_RECORDS = 500
_BATCH_BYTES = 8 * 1024 * 1024


async def produce_lines(
    settings: Settings, lines: Iterable[bytes], *, rate: float = 0, enveloped: bool = False
) -> Counter[int]:
    """Append one record per line, in order; return how many went to each partition.

    Args:
        settings: Broker and topic.
        lines: Without line ends. Empty lines are skipped.
        rate: Records a second; 0 means as fast as the broker takes them.
        enveloped: Whether the lines are envelopes.

    Raises:
        Refused: A line that is no envelope; says which.
        Unavailable: The broker did not take a batch.
    """
    placed: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with RecordWriter(settings.kafka.bootstrap) as writer:
        for batch in _batches(_records(lines, enveloped=enveloped), at_once=not rate):
            answers = await writer.write(settings.topics.events, batch)
            placed.update(partition for partition, _ in answers)
            if rate:
                await asyncio.sleep(max(begun + placed.total() / rate - loop.time(), 0))
    return placed


def _records(lines: Iterable[bytes], *, enveloped: bool) -> Iterator[RawRecord]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield record_of_line(line, enveloped=enveloped)
        except Refused as error:
            raise Refused(f"line {number}: {error}") from error


def _batches(records: Iterator[RawRecord], *, at_once: bool) -> Iterator[list[RawRecord]]:
    """Group records, so that the broker is asked once for many; never more than fit into memory."""
    while batch := list(islice(records, 1)):
        size = len(batch[0].value or b"")
        while at_once and len(batch) < _BATCH_RECORDS and size < _BATCH_BYTES:
            more = next(records, None)
            if more is None:
                break
            batch.append(more)
            size += len(more.value or b"")
        yield batch
