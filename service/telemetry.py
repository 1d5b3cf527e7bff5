"""Logs and metrics. Counted once a batch, from its report; no label ever holds a user id."""

import logging
import sys
from collections.abc import Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.ports import Report, Trace

BUCKETS_S: Final = (
    0.0005,
    0.001,
    0.002,
    0.004,
    0.008,
    0.016,
    0.032,
    0.064,
    0.128,
    0.256,
    0.512,
    1,
    2,
    4,
)


STAGES: Final = ("ingest", "state", "rank", "publish", "total")


class WorkerMetrics:
    """A worker's figures, for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter("segue_records_total", "input records read", registry=registry)
        self.slates = Counter(
            "segue_slates_total", "slates published", ["reason"], registry=registry
        )
        self.dead_letters = Counter(
            "segue_dead_letters_total",
            "records that cannot be processed",
            ["kind"],
            registry=registry,
        )
        self.ignored = Counter(
            "segue_ignored_total",
            "events ignored for a declared reason",
            ["effect"],
            registry=registry,
        )
        self.answers = Counter(
            "segue_store_answers_total",
            "what the store said to writes",
            ["answer"],
            registry=registry,
        )
        self.retries = Counter(
            "segue_batch_retries_total", "batches begun again", ["error"], registry=registry
        )
        self.side_effects_failed = Counter(
            "segue_side_effects_failed_total", "slate cache writes given up", registry=registry
        )
        self.batch = Histogram(
            "segue_batch_records",
            "records in a poll that brought any",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500),
            registry=registry,
        )
        self.stage = Histogram(
            "segue_e2e_seconds", "time on the way", ["stage"], buckets=BUCKETS_S, registry=registry
        )
        self._stages = {stage: self.stage.labels(stage) for stage in STAGES}
        self.lag = Gauge(
            "segue_lag_records", "records not read yet", ["partition"], registry=registry
        )

    def observe(self, report: Report) -> None:
        """Count one batch."""
        self.records.inc(report.records)
        self.batch.observe(report.records)
        for counter, counts in (
            (self.slates, report.slates),
            (self.dead_letters, report.dead_letters),
            (self.ignored, report.ignored),
            (self.answers, report.answers),
        ):
            for label, count in counts.items():
                counter.labels(label).inc(count)
        for trace in report.traces:
            self._observe_stages(trace, report.published_at_ns)

    def observe_lag(self, lag_records: Mapping[int, int]) -> None:
        """Show the lag of the partitions held now; one that moved away is no longer shown."""
        self.lag.clear()
        for partition, records in lag_records.items():
            self.lag.labels(partition).set(records)

    def _observe_stages(self, trace: Trace, published_at_ns: int) -> None:
        appended_ns = trace.appended_at_ms * 1_000_000
        for stage, start_ns, end_ns in (
            ("ingest", appended_ns, trace.polled_at_ns),
            ("state", trace.polled_at_ns, trace.stored_at_ns),
            ("rank", trace.polled_at_ns, trace.ranked_at_ns),
            ("publish", max(trace.stored_at_ns, trace.ranked_at_ns), published_at_ns),
            ("total", appended_ns, published_at_ns),
        ):
            self._stages[stage].observe(max(end_ns - start_ns, 0) / 1e9)


def configure_logging(*, as_json: bool | None = None) -> None:
    """Log to standard error: JSON for machines, lines for a terminal."""
    for_machines = not sys.stderr.isatty() if as_json is None else as_json
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if for_machines
            else structlog.dev.ConsoleRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
