"""The composition root of a worker: the only file that knows every part.

settings > catalogue, model > Kafka, Redis > processor > loop until told to stop > drain
"""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from service import loop
from service.adapters.catalog import read_catalog
from service.adapters.control_topic import KafkaControl
from service.adapters.kafka import KafkaEventLog, KafkaPublisher
from service.adapters.redis import RedisSessionStore, connect
from service.adapters.slate_cache import SlateCache
from service.adapters.worker_registry import WorkerRegistry
from service.core.session import SessionState
from service.health import Pulse, serve_health
from service.lifecycle.admission import Admission
from service.lifecycle.fallback import FallbackRanker
from service.lifecycle.follower import Follower
from service.lifecycle.guard import GuardLimits
from service.lifecycle.metrics import LifecycleMetrics
from service.lifecycle.roster import Roster
from service.lifecycle.serving import Serving
from service.lifecycle.shadow import Shadow
from service.lifecycle.watch import Watch
from service.ports import SideEffects
from service.processor import Limits, Outside, Processor
from service.ranking import Ranking
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
        own = WorkerSideEffects(SlateCache(redis), metrics, settings.redis.slate_ttl_ms)
        async with open_lifecycle(settings, ranking, own, LifecycleMetrics(registry)) as watch:
            outside = Outside(
                log=log,
                store=store,
                publisher=publisher,
                side_effects=watch,
                clock=SystemClock(),
                rank=watch.serving.rank,
                model=lambda: watch.serving.roster.champion.model,
            )
            with serve_health(settings.worker.health_port, pulse, registry):
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


@asynccontextmanager
async def open_lifecycle(
    settings: Settings, ranking: Ranking, own: SideEffects, metrics: LifecycleMetrics
) -> AsyncIterator[Watch]:
    """Serve with a model, and with a registry, follow its aliases while the block runs.

    Raises:
        Refused: The registry or the control topic is not there.
    """
    fallback = FallbackRanker.beside(ranking)
    fallback.rank([SessionState()])  # no listener waits for its indexes
    serving = Serving(Roster(ranking), fallback, settings.lifecycle.rank_deadline_ms / 1000)
    watch = Watch(own, serving, Shadow(metrics), metrics)
    serving.tell = watch.ranked
    metrics.show(serving.roster)
    with serving.running(), watch.shadow.running():
        if not settings.registry.url:
            yield watch
            return
        async with _follower(settings, watch).following():
            yield watch


def _follower(settings: Settings, watch: Watch) -> Follower:
    given, table = settings.lifecycle, watch.serving.roster.champion.table
    return Follower(
        KafkaControl(settings.kafka.bootstrap, settings.topics.control),
        Admission(
            WorkerRegistry.open(settings),
            settings.registry.name,
            lambda folder: load_ranking(folder, table, settings),
            given.drift_psi_max,
        ),
        watch,
        GuardLimits(
            false_alarm=given.guard_false_alarm,
            margin=given.guard_margin,
            latency_ratio_max=given.guard_latency_ratio_max,
        ),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        events_topic=settings.topics.events,
        slate_ttl_ms=settings.slate.ttl_ms,
        commit_interval_ms=settings.kafka.commit_interval_ms,
    )
