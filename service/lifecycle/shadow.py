"""The shadow scores what was served, after it went out, in a thread of its own. Never served.

Its queue is short: under load batches are dropped and counted, and the hot path does not notice.
"""

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from service.lifecycle.agreement import compare
from service.lifecycle.fallback import FALLBACK
from service.lifecycle.metrics import LifecycleMetrics
from service.lifecycle.serving import Served

BATCHES_MAX: Final = 8
USERS_MAX: Final = 64
"""Of a batch; agreement is an average, and a large batch would hold the processor too long."""
NICENESS: Final = 10


class Shadow:
    """Compares a model that does not serve with what was served."""

    def __init__(self, metrics: LifecycleMetrics, batches_max: int = BATCHES_MAX) -> None:
        self._metrics = metrics
        self._queue: queue.Queue[Served | None] = queue.Queue(maxsize=batches_max)
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work off what is offered while the block runs; what is queued at its end is dropped."""
        self._thread.start()
        try:
            yield
        finally:
            with suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()
            self._queue.put(None)
            self._thread.join(timeout=5.0)

    def offer(self, served: Served) -> bool:
        """Queue a batch; return False, without waiting, when there is no room."""
        try:
            self._queue.put_nowait(served)
        except queue.Full:
            self._metrics.shadow_batches.labels("dropped").inc()
            return False
        return True

    def wait_until_done(self) -> None:
        """Return once all that was taken in is worked off."""
        self._queue.join()

    def _work(self) -> None:
        with suppress(OSError, AttributeError):  # Linux alone has a niceness of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while (served := self._queue.get()) is not None:
            try:
                self._score(served)
                self._metrics.shadow_batches.labels("scored").inc()
            except Exception as error:  # a shadow may do what it likes: nobody is served by it
                self._metrics.shadow_batches.labels("failed").inc()
                structlog.get_logger().warning(
                    "shadow failed", version=served.shadow.model.version, error=str(error)
                )
            finally:
                self._queue.task_done()

    def _score(self, served: Served) -> None:
        for ours, theirs in zip(
            served.ranked, served.shadow.rank(served.states[:USERS_MAX]), strict=False
        ):
            agreement = None if FALLBACK in ours.degraded else compare(ours, theirs)
            if agreement is not None:
                self._metrics.observe_agreement(agreement)
