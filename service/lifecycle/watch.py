"""What follows an acknowledged batch: slates counted by who ranked them, guard and shadow fed.

Wraps the worker's own side effects. Runs in the event loop, so it does little per slate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from service.core.slates import Slate
from service.lifecycle.guard import Guard, Turnout, Verdict
from service.lifecycle.metrics import LifecycleMetrics
from service.lifecycle.serving import Serving
from service.lifecycle.shadow import Shadow
from service.lifecycle.trials import Arm
from service.ports import Publication, Report, SideEffects

_ARMS: Final[tuple[Literal["champion", "challenger"], ...]] = ("champion", "challenger")


@dataclass
class Watch:
    """Side effects that watch the models. `guard` is there while a challenger serves."""

    inner: SideEffects
    serving: Serving
    shadow: Shadow
    metrics: LifecycleMetrics
    guard: Guard | None = None
    on_trip: Callable[[Verdict], None] = lambda _: None

    @property
    def is_guarding(self) -> bool:
        """Whether a canary is on trial."""
        return self.guard is not None

    def ranked(self, turnout: Turnout) -> None:
        """Count how an arm did in a batch."""
        if turnout.failure is None:
            self.metrics.seconds.labels(turnout.arm).observe(turnout.seconds)
        else:
            self.metrics.failures.labels(turnout.arm, turnout.failure).inc()
        if turnout.unsound:
            self.metrics.unsound.labels(turnout.arm).inc(turnout.unsound)
        if self.guard is not None:
            self.guard.ranked(turnout)
            self._judge(self.guard)

    async def after(self, publication: Publication, report: Report) -> None:
        """Do the worker's own side effects, then watch."""
        await self.inner.after(publication, report)
        for _, slate, _ in publication.slates:
            if slate is not None:
                self.metrics.slates.labels(slate.model.variant).inc()
        self._feed_shadow(publication)
        if self.guard is not None:
            self._feed_guard(self.guard, publication)

    def _feed_shadow(self, publication: Publication) -> None:
        """Hand over what is out now; what was worked on before it never went out as it was."""
        waiting = self.serving.awaiting
        if not waiting:
            return
        out = {(user, slate.version) for user, slate, _ in publication.slates if slate}
        # The newest that matches: a batch that was tried again stands here twice.
        at = next((n for n in reversed(range(len(waiting))) if waiting[n].key in out), None)
        if at is not None:
            served = waiting[at]
            for _ in range(at + 1):
                waiting.popleft()
            self.shadow.offer(served)

    def _feed_guard(self, guard: Guard, publication: Publication) -> None:
        # A batch's outcomes are about slates that went out before its own.
        for batch in publication.outcomes:
            for outcome in batch.outcomes:
                guard.ended(outcome)
        for user, slate, _ in publication.slates:
            if slate is None:
                guard.trials.forget(user)
            elif (arm := self._arm(slate)) is not None:
                guard.trials.served(user, slate.version, arm)
        self.metrics.observe_guard(guard)
        self._judge(guard)

    def _arm(self, slate: Slate) -> Arm | None:
        for arm in _ARMS:
            if slate.model.variant == arm:
                known = self.serving.roster.version_of(arm)
                return arm if slate.model.version == known else None
        return None  # the fallback

    def _judge(self, guard: Guard) -> None:
        if guard.verdict is not None and guard is self.guard:
            self.guard = None
            self.metrics.trips.labels(guard.verdict.kind).inc()
            self.on_trip(guard.verdict)
