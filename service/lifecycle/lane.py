"""One thread that ranks, and a deadline on each batch.

A thread cannot be stopped. When a batch is late, its answer is no longer waited for, and until the
thread comes back every other batch is told so at once.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from service.core.session import SessionState
from service.ranking import Ranked

RankAll = Callable[[Sequence[SessionState]], list[Ranked]]


class RankerFailed(Exception):
    """This batch was not ranked; `kind` is `late`, `busy` or the name of what was raised."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Lane:
    """Ranks batches one after another, beside the event loop, which keeps Kafka's heartbeats."""

    def __init__(self, name: str, deadline_s: float) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._deadline_s = deadline_s
        self._late: asyncio.Future[tuple[list[Ranked], float]] | None = None

    async def rank(
        self, rank: RankAll, states: Sequence[SessionState]
    ) -> tuple[list[Ranked], float]:
        """Return one slate a state, and the seconds it took in the thread.

        Raises:
            RankerFailed: The model raised, or did not answer by the deadline.
        """
        if self._late is not None and not self._late.done():
            raise RankerFailed("busy", "the thread is still at a batch that was late")
        answer = asyncio.get_running_loop().run_in_executor(self._thread, _timed, rank, states)
        done, _ = await asyncio.wait({answer}, timeout=self._deadline_s)
        if not done:
            self._late = answer
            answer.add_done_callback(_look_away)
            raise RankerFailed("late", f"no answer within {self._deadline_s:g} s")
        # Whatever a model raises is the model's failure, never the worker's.
        if (error := answer.exception()) is not None:
            raise RankerFailed(type(error).__name__, str(error)) from error
        return answer.result()

    def close(self) -> None:
        """Let the thread end; a late batch is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _timed(rank: RankAll, states: Sequence[SessionState]) -> tuple[list[Ranked], float]:
    began = time.perf_counter()
    ranked = rank(states)
    assert len(ranked) == len(states), f"{len(ranked)} slates for {len(states)} sessions"
    return ranked, time.perf_counter() - began


def _look_away(answer: "asyncio.Future[tuple[list[Ranked], float]]") -> None:
    """Nobody waits for it any more: its failure is no news."""
    if not answer.cancelled():
        answer.exception()
