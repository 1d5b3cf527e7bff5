"""Figures of the models' life cycle, for Prometheus."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.core.control import ALIASES
from service.lifecycle.agreement import Agreement
from service.lifecycle.guard import Guard
from service.lifecycle.roster import Roster

SWAP_BUCKETS_S: Final = (1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)
SHARES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999, 1.0)


class LifecycleMetrics:
    """Which model serves, how it came there, and what is thought of the others."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.info = Gauge(
            "segue_model_info",
            "1 for each model in use",
            ["alias", "name", "version"],
            registry=registry,
        )
        self.swaps = Counter(
            "segue_model_swaps_total", "models swapped", ["alias"], registry=registry
        )
        self.swap_seconds = Histogram(
            "segue_model_swap_seconds",
            "load: fetch, check, warm up, while the old one serves; swap; decided: since then",
            ["step"],
            buckets=SWAP_BUCKETS_S,
            registry=registry,
        )
        self.refused = Counter(
            "segue_model_refused_total", "models not let in", ["reason"], registry=registry
        )
        self.slates = Counter(
            "segue_model_slates_total", "slates acknowledged", ["variant"], registry=registry
        )
        self.failures = Counter(
            "segue_ranker_failures_total",
            "batches a model did not rank",
            ["variant", "kind"],
            registry=registry,
        )
        self.unsound = Counter(
            "segue_ranker_unsound_total",
            "candidates without a finite score",
            ["variant"],
            registry=registry,
        )
        self.seconds = Histogram(
            "segue_ranker_batch_seconds", "time of a batch", ["variant"], registry=registry
        )
        self.shadow_batches = Counter(
            "segue_shadow_batches_total",
            "batches the shadow was asked for: scored, dropped, failed",
            ["fate"],
            registry=registry,
        )
        self.overlap = Histogram(
            "segue_shadow_overlap",
            "share of the first ten that shadow and champion have in common",
            buckets=SHARES,
            registry=registry,
        )
        self.same_first = Counter(
            "segue_shadow_first_places_total",
            "slates compared, by whether the first place agrees",
            ["same"],
            registry=registry,
        )
        self.head_difference = Histogram(
            "segue_shadow_head_difference",
            "mean difference of heads on common items",
            buckets=(0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            registry=registry,
        )
        self.drift = Gauge(
            "segue_model_drift_psi", "of the last champion checked", registry=registry
        )
        self.bound = Gauge(
            "segue_guard_skip_bound",
            "skip rate of first places: challenger at least, champion at most",
            ["variant"],
            registry=registry,
        )
        self.users = Gauge(
            "segue_guard_users",
            "users the guard's test has counted",
            ["variant"],
            registry=registry,
        )
        self.trips = Counter(
            "segue_guard_trips_total", "canaries ended by the guard", ["kind"], registry=registry
        )

    def show(self, roster: Roster) -> None:
        """Show which models are in use."""
        self.info.clear()
        challenger = roster.challenger.ranking if roster.challenger else None
        used = dict(zip(ALIASES, (roster.champion, challenger, roster.shadow), strict=True))
        for alias, ranking in used.items():
            if ranking is not None:
                self.info.labels(alias, ranking.model.name, ranking.model.version).set(1)

    def observe_agreement(self, agreement: Agreement) -> None:
        """Count one slate that the shadow ranked too."""
        self.overlap.observe(agreement.overlap)
        self.same_first.labels("yes" if agreement.same_first else "no").inc()
        self.head_difference.observe(agreement.head_difference)

    def observe_guard(self, guard: Guard) -> None:
        """Show where the guard stands."""
        for variant, side in (("challenger", guard.challenger), ("champion", guard.champion)):
            self.bound.labels(variant).set(side.value)
            self.users.labels(variant).set(side.count)
