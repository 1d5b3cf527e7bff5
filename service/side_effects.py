"""What happens after a batch is safe: the slate cache is filled, the batch is counted.

None of it is part of a guarantee, so a failure here costs a figure, never a retry.
"""

from dataclasses import dataclass

import msgspec
import structlog

from service.adapters.slate_cache import SlateCache
from service.core.errors import Unavailable
from service.ports import Publication, Report
from service.telemetry import WorkerMetrics

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True)
class WorkerSideEffects:
    """Fills `slate:{user}` and the metrics."""

    cache: SlateCache
    metrics: WorkerMetrics
    slate_ttl_ms: int

    async def after(self, publication: Publication, report: Report) -> None:
        """Cache the slates, forget the deleted users', count the batch."""
        self.metrics.observe(report)
        slates = [
            (u, s.version, _JSON.encode(s)) for u, s, _ in publication.slates if s is not None
        ]
        deleted = [user for user, slate, _ in publication.slates if slate is None]
        try:
            await self.cache.put_many(slates, self.slate_ttl_ms)
            await self.cache.delete_many(deleted)
        except Unavailable as error:
            self.metrics.side_effects_failed.inc()
            structlog.get_logger().warning("slate cache not written", error=str(error))
