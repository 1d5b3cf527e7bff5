"""The composition root of a worker: the only file that knows every part.

settings > catalogue, model > Kafka, Redis > processor > loop until told to stop > drain
"""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from service import loop
from service.adapters.catalog import read_catalog
from service.adapters.kafka import KafkaEventLog, KafkaPublisher
from service.adapters.redis import RedisSessionStore, connect
from service.adapters.slate_cache import SlateCache
from service.core.events import UserId
from service.core.session import SessionState
from service.health import Pulse, serve_health
from service.processor import Limits, Outside, Processor, Rank
from service.ranking import Ranked, Ranking
from service.ranking_loading import load_ranking
from service.settings import Settings
from service.side_effects import WorkerSideEffects
from service.telemetry import WorkerMetrics, configure_logging

GC_ALLOCATIONS: Final = 20_000
"""New containers between two young collections; a batch makes thousands, all short-lived."""


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Unix nanoseconds."""
        return time.time_ns()


@dataclass(frozen=True)
class Worker:
    """A processor with the log it rewinds and the figures it leaves."""

    processor: Processor
    log: KafkaEventLog
    metrics: WorkerMetrics
    pulse: Pulse


async def run_worker(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT, then drain: finish, commit, leave the group.

    Raises:
        Refused: The model, the catalogue, the topic or the store does not fit.
        Unavailable: An outside system stayed away for longer than all the attempts.
    """
    configure_logging()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_worker(settings) as worker:
        structlog.get_logger().info(
            "worker ready", topic=settings.topics.events, group=settings.kafka.group
        )
        await run(worker, stop)
    structlog.get_logger().info("worker drained")


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Step until told to stop, counting what is tried again."""

    def on_retry(error: Exception, attempt: int) -> None:
        worker.metrics.retries.labels(type(error).__name__).inc()
        structlog.get_logger().warning("batch tried again", error=str(error), attempt=attempt)

    def on_step() -> None:
        worker.pulse.beat()
        worker.metrics.observe_lag(worker.log.lag_records)

    await loop.run(worker.processor, worker.log, stop, on_step=on_step, on_retry=on_retry)


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[Worker]:
    """Build a worker from settings; on leaving, close everything in reverse."""
    ranking = open_ranking(settings)
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    redis = connect(settings.redis.url)
    log = KafkaEventLog(settings.kafka, settings.topics.events)
    publisher = KafkaPublisher(settings.kafka, settings.topics)
    try:
        store = await RedisSessionStore.open(redis, settings.redis.session_ttl_ms)
        await publisher.start()
        await log.start()
        pulse = Pulse()
        # Catalogue and model stay for good: the collector need not walk them again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        with (
            ranking_thread(ranking) as rank,
            serve_health(settings.worker.health_port, pulse, registry),
        ):
            outside = Outside(
                log=log,
                store=store,
                publisher=publisher,
                side_effects=WorkerSideEffects(
                    SlateCache(redis), metrics, settings.redis.slate_ttl_ms
                ),
                clock=SystemClock(),
                rank=rank,
                model=lambda: ranking.model,
            )
            yield Worker(Processor(outside, _limits(settings)), log, metrics, pulse)
    finally:
        await log.stop()
        await publisher.stop()
        await redis.aclose()


def open_ranking(settings: Settings) -> Ranking:
    """Load catalogue and model into a ranking pipeline.

    Raises:
        Refused: One of them is missing or does not fit.
    """
    table = read_catalog(settings.catalog.path).table
    return load_ranking(settings.model.path, table, settings)


@contextmanager
def ranking_thread(ranking: Ranking) -> Iterator[Rank]:
    """Rank in one thread of its own: the event loop keeps Kafka's heartbeats meanwhile."""
    events = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="rank") as thread:

        async def rank(states: Sequence[SessionState], _: Sequence[UserId]) -> list[Ranked]:
            return await events.run_in_executor(thread, ranking.rank, states)

        yield rank


def _limits(settings: Settings) -> Limits:
    return Limits(
        events_topic=settings.topics.events,
        slate_ttl_ms=settings.slate.ttl_ms,
        commit_interval_ms=settings.kafka.commit_interval_ms,
    )
