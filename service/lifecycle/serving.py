"""Ranks a batch with the roster of the moment. Whatever a model does, everybody gets a slate.

champion fails      the fallback ranks its users, `degraded` says so
challenger fails    the champion ranks its users
no finite score     the fallback ranks that user
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from service.core.events import UserId
from service.core.session import SessionState
from service.core.slates import Model
from service.lifecycle.fallback import FallbackRanker
from service.lifecycle.guard import Turnout
from service.lifecycle.lane import Lane, RankerFailed
from service.lifecycle.roster import Canary, Roster
from service.lifecycle.trials import Arm
from service.ranking import Ranked, Ranking

RECENT_BATCHES: Final = 32
RECENT_STATES: Final = 16
"""Of a batch, for the drift check: real sessions, few enough to be scored again in a moment."""
AWAITING_MAX: Final = 4
"""Batches on their way out: one is delivered, one is worked on; the rest is for failures."""


@dataclass(frozen=True)
class Served:
    """A batch that the shadow shall score once it is out."""

    key: tuple[UserId, int]  # the first user and the version of its slate
    shadow: Ranking
    states: Sequence[SessionState]
    ranked: Sequence[Ranked]


@dataclass
class Serving:
    """The worker's ranker. `roster` may be replaced at any time between two awaits."""

    roster: Roster
    fallback: FallbackRanker
    deadline_s: float
    tell: Callable[[Turnout], None] = lambda _: None
    recent: deque[Sequence[SessionState]] = field(
        default_factory=lambda: deque(maxlen=RECENT_BATCHES)
    )
    awaiting: deque[Served] = field(default_factory=lambda: deque(maxlen=AWAITING_MAX))

    def __post_init__(self) -> None:
        """A thread for each, so that a slow challenger holds up nobody else's users."""
        self._lanes: dict[Arm, Lane] = {
            arm: Lane(f"rank-{arm}", self.deadline_s) for arm in ("champion", "challenger")
        }
        # The last resort has no deadline: there is nothing to fall back to.
        self._last = Lane("rank-fallback", 3600.0)

    async def rank(self, states: Sequence[SessionState], users: Sequence[UserId]) -> list[Ranked]:
        """Return a slate for every state, in their order."""
        roster = self.roster  # once: a swap during this batch is for the next one
        if not states:
            return []
        self.recent.append(states[:RECENT_STATES])
        ranked = await self._by_roster(roster, states, users)
        if roster.shadow is not None:
            key = (users[0], states[0].version)
            self.awaiting.append(Served(key, roster.shadow, states, ranked))
        return ranked

    async def _by_roster(
        self, roster: Roster, states: Sequence[SessionState], users: Sequence[UserId]
    ) -> list[Ranked]:
        if roster.challenger is None:
            return await self._champion(roster.champion, states)
        ours, theirs = roster.split(users)
        answers = await asyncio.gather(
            self._champion(roster.champion, [states[place] for place in ours]),
            self._challenger(roster, roster.challenger, [states[place] for place in theirs]),
        )
        slates = dict(zip((*ours, *theirs), (*answers[0], *answers[1]), strict=True))
        return [slates[place] for place in range(len(states))]

    async def _champion(self, champion: Ranking, states: Sequence[SessionState]) -> list[Ranked]:
        try:
            ranked = await self._ask("champion", champion, states)
        except RankerFailed:
            return await self._fall_back(states)
        return await self._mend(states, ranked)

    async def _challenger(
        self, roster: Roster, canary: Canary, states: Sequence[SessionState]
    ) -> list[Ranked]:
        try:
            ranked = await self._ask("challenger", canary.ranking, states)
        except RankerFailed:
            return await self._champion(roster.champion, states)
        name = canary.ranking.model
        model = Model(name.name, name.version, "challenger")
        return await self._mend(states, [replace(slate, model=model) for slate in ranked])

    async def _ask(
        self, arm: Arm, ranking: Ranking, states: Sequence[SessionState]
    ) -> list[Ranked]:
        if not states:
            return []
        try:
            ranked, seconds = await self._lanes[arm].rank(ranking.rank, states)
        except RankerFailed as failed:
            self.tell(Turnout(arm, len(states), 0.0, failed.kind))
            structlog.get_logger().error(
                "model failed",
                arm=arm,
                version=ranking.model.version,
                kind=failed.kind,
                error=str(failed),
                users=len(states),
            )
            raise
        unsound = sum(slate.unsound for slate in ranked)
        self.tell(Turnout(arm, len(states), seconds, unsound=unsound))
        return ranked

    async def _mend(self, states: Sequence[SessionState], ranked: list[Ranked]) -> list[Ranked]:
        """Nobody goes without because a model gave no finite score."""
        hurt = [at for at, slate in enumerate(ranked) if slate.unsound and not slate.items]
        if hurt:
            mended = await self._fall_back([states[at] for at in hurt])
            for at, slate in zip(hurt, mended, strict=True):
                ranked[at] = slate
        return ranked

    async def _fall_back(self, states: Sequence[SessionState]) -> list[Ranked]:
        ranked, _ = await self._last.rank(self.fallback.rank, states)
        return ranked

    @contextmanager
    def running(self) -> Iterator[None]:
        """Close the threads at the end of the block."""
        try:
            yield
        finally:
            for lane in (*self._lanes.values(), self._last):
                lane.close()
