"""The least a stream processor can do: consume, produce the same, await the broker, commit.

The yardstick of the latency check, in a process of its own, with the worker's client settings. What
it leaves out (decode, state, ranking) is what the worker's time is spent on.

    python -m loadtest.latency.echo BOOTSTRAP TOPIC_IN TOPIC_OUT
"""

import asyncio
import signal
import sys
import time
from typing import Final

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

OFFSET_HEADER: Final = "echo.offset"
GROUP: Final = "segue-echo"
_POLL_MS: Final = 50
_COMMIT_EVERY_S: Final = 0.25


async def echo(bootstrap: str, topic_in: str, topic_out: str) -> None:
    """Echo records until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = AIOKafkaConsumer(
        topic_in,
        bootstrap_servers=bootstrap,
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=500,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", linger_ms=0, max_batch_size=1 << 20
    )
    async with consumer, producer:
        await _loop(consumer, producer, topic_out, stop)


async def _loop(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, topic_out: str, stop: asyncio.Event
) -> None:
    done: dict[TopicPartition, int] = {}
    committed_at = time.monotonic()
    while not stop.is_set():
        polled = await consumer.getmany(timeout_ms=_POLL_MS)
        sent = [
            await producer.send(topic_out, record.value, key=record.key, headers=_headers(record))
            for records in polled.values()
            for record in records
        ]
        await asyncio.gather(*sent)
        done |= {tp: records[-1].offset + 1 for tp, records in polled.items()}
        if done and time.monotonic() - committed_at >= _COMMIT_EVERY_S:
            await consumer.commit(done)
            done, committed_at = {}, time.monotonic()


def _headers(record: ConsumerRecord) -> list[tuple[str, bytes]]:
    return [*record.headers, (OFFSET_HEADER, b"%d" % record.offset)]


if __name__ == "__main__":
    uvloop.run(echo(*sys.argv[1:4]))
