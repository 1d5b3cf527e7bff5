"""A worker's figures, as a scraper reads them."""

from prometheus_client import CollectorRegistry

from service.telemetry import WorkerMetrics


def test_the_lag_shown_is_of_the_partitions_held_now() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    metrics.observe_lag({0: 5, 1: 2})
    metrics.observe_lag({1: 3})
    shown = {p: registry.get_sample_value("segue_lag_records", {"partition": p}) for p in "01"}
    assert shown == {"0": None, "1": 3}
