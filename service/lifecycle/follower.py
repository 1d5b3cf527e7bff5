"""Follows the aliases and changes the roster: what is told is what is served, soon.

News come from the control topic; the registry is asked at start and now and then, for it is the
truth and a record may have been lost. A version that is held swaps at once; another is loaded in a
thread first. A move that was overtaken while it loaded changes nothing.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from service.core.control import ALIASES, AliasBook, AliasMoved, control_key, encode_move
from service.core.errors import Refused, Unavailable
from service.lifecycle.admission import Admission, ModelRefused
from service.lifecycle.guard import Guard, GuardLimits, Verdict
from service.lifecycle.ports import Control
from service.lifecycle.watch import Watch
from service.ranking import Ranking

HELD_MAX: Final = 4
"""Champion, the one before it, challenger, shadow: a rollback loads nothing."""
ASK_EVERY_S: Final = 30.0
START_S: Final = 60.0
RETRY_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Follower:
    """Keeps a worker's roster where the aliases say."""

    control: Control
    admission: Admission
    watch: Watch
    limits: GuardLimits = field(default_factory=GuardLimits)

    def __post_init__(self) -> None:
        """Start with the model that serves already."""
        self.book = AliasBook(self.admission.name)
        self._serving = self.watch.serving
        self._metrics = self.watch.metrics
        self._held: OrderedDict[str, Ranking] = OrderedDict()
        self._champions: set[str] = set()  # versions that served everybody here
        self._settled: dict[str, int] = {}  # alias -> sequence that is done with
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger()
        self._keep(self._serving.roster.champion)
        self._champions.add(self._serving.roster.champion.model.version)
        self.watch.on_trip = self.trip

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Serve what the aliases say now, then follow them while the block runs.

        Raises:
            Refused: There is no control topic.
        """
        async with asyncio.timeout(START_S):
            await self._catch_up()
        self._spawn(self._follow())
        self._spawn(self._ask_now_and_then())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _catch_up(self) -> None:
        try:
            for record in await self.control.past():
                self.book.read(record.key, record.value)
        except Unavailable as error:
            self._log.warning("control topic not read", error=str(error))
        await self._ask_registry()
        for alias in ALIASES:  # the champion first
            if alias in self.book.moves:
                await self.apply(self.book.moves[alias])

    async def _ask_registry(self) -> None:
        for alias in ALIASES:
            try:
                move = await asyncio.to_thread(
                    self.admission.registry.alias, self.admission.name, alias
                )
            except (Unavailable, Refused) as error:
                self._log.warning("registry not read", alias=alias, error=str(error))
                return
            if move is not None:
                self.book.read(control_key(alias), encode_move(move))

    async def _follow(self) -> None:
        attempt = 0
        while True:
            try:
                async for batch in self.control.follow():
                    attempt = 0
                    for record in batch:
                        if (move := self.book.read(record.key, record.value)) is not None:
                            self._spawn(self.apply(move))
            except (Unavailable, Refused) as error:
                self._log.warning("control topic lost, begun again", error=str(error))
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    async def _ask_now_and_then(self) -> None:
        """Find moves whose record was lost, and try again what the registry could not give."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            await self._ask_registry()
            for move in list(self.book.moves.values()):
                if self._settled.get(move.alias, 0) < move.sequence:
                    await self.apply(move)

    async def apply(self, move: AliasMoved) -> None:
        """Bring the roster to where a move says, or refuse and keep serving."""
        began = time.perf_counter()
        try:
            ranking = await self._ranking_for(move)
        except ModelRefused as refused:
            self._refuse(move, refused)
            return
        except Unavailable as error:
            self._metrics.refused.labels("unavailable").inc()
            self._log.warning("model not there yet", version=move.version, error=str(error))
            return
        if self.book.moves.get(move.alias) is not move or self._is_settled(move):
            return  # overtaken while it loaded
        self._swap(move, ranking, time.perf_counter() - began)

    def _is_settled(self, move: AliasMoved) -> bool:
        return self._settled.get(move.alias, 0) >= move.sequence

    async def _ranking_for(self, move: AliasMoved) -> Ranking | None:
        if move.version is None:
            if move.alias == "champion":
                raise ModelRefused("no_champion", "a champion there must be")
            return None
        champion = self._serving.roster.champion
        ranking = self._held.get(move.version)
        if ranking is None:
            ranking = await asyncio.to_thread(self.admission.admit, move.version, champion)
            self._keep(ranking)
        if move.alias == "champion" and not move.force and move.version not in self._champions:
            recent = list(self._serving.recent)
            psi = await asyncio.to_thread(self.admission.check_drift, ranking, champion, recent)
            self._metrics.drift.set(psi or 0.0)
        return ranking

    def _swap(self, move: AliasMoved, ranking: Ranking | None, load_s: float) -> None:
        began = time.perf_counter()
        roster = self._serving.roster.moved(move.alias, ranking, move.share)
        if roster.version_of("challenger") == roster.version_of("champion"):
            roster = roster.moved("challenger", None)  # it has won
        self._serving.roster = roster
        swap_s = time.perf_counter() - began
        self._settled[move.alias] = move.sequence
        if move.alias != "shadow":
            self._begin_trial()
        if move.alias == "champion" and ranking is not None:
            self._champions.add(ranking.model.version)
        self._metrics.show(roster)
        self._metrics.swaps.labels(move.alias).inc()
        self._metrics.swap_seconds.labels("load").observe(load_s)
        self._metrics.swap_seconds.labels("swap").observe(swap_s)
        decided_s = max(time.time() - move.at_ms / 1000, 0.0)
        self._metrics.swap_seconds.labels("decided").observe(decided_s)
        self._log.info(
            "model swapped",
            alias=move.alias,
            version=move.version,
            share=move.share,
            by=move.by,
            reason=move.reason,
            load_ms=round(1e3 * load_s, 1),
            swap_us=round(1e6 * swap_s, 1),
            since_decided_ms=round(1e3 * decided_s),
        )

    def _begin_trial(self) -> None:
        """Another champion or challenger: what was observed of the pair before no longer counts."""
        has_challenger = self._serving.roster.challenger is not None
        self.watch.guard = Guard(self.limits) if has_challenger else None

    def _refuse(self, move: AliasMoved, refused: ModelRefused) -> None:
        if self._is_settled(move):
            return
        self._settled[move.alias] = move.sequence
        self._metrics.refused.labels(refused.reason).inc()
        self._log.error(
            "model refused",
            alias=move.alias,
            version=move.version,
            reason=refused.reason,
            error=str(refused),
            still_serving=self._serving.roster.version_of(move.alias),
        )

    def _keep(self, ranking: Ranking) -> None:
        self._held[ranking.model.version] = ranking
        self._held.move_to_end(ranking.model.version)
        in_use = {self._serving.roster.version_of(alias) for alias in ALIASES}
        for version in list(self._held):
            if len(self._held) > HELD_MAX and version not in in_use:
                del self._held[version]

    def trip(self, verdict: Verdict) -> None:
        """End the canary: here at once, for everybody as soon as they are told."""
        move = self.book.moves.get("challenger")
        self._serving.roster = self._serving.roster.moved("challenger", None)
        self._metrics.show(self._serving.roster)
        self._log.error("guard ended the canary", kind=verdict.kind, figures=verdict.figures)
        if move is not None:
            self._settled["challenger"] = move.sequence
            self._spawn(self._withdraw(move, f"{verdict.kind}: {verdict.figures}"))

    async def _withdraw(self, move: AliasMoved, reason: str) -> None:
        """In the registry first, which is the truth; until both have it, again and again."""
        withdrawn: AliasMoved | None = None
        for attempt in range(1_000_000):
            try:
                if withdrawn is None:
                    withdrawn = await asyncio.to_thread(
                        self.admission.registry.withdraw, move, "guard", reason
                    )
                if withdrawn is not None:
                    await self.control.announce(withdrawn)
                return
            except (Unavailable, Refused) as error:
                self._log.warning("guard's word not out yet", error=str(error))
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("following the aliases failed", error=repr(error))
