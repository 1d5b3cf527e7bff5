"""A worker's roster follows the aliases; whatever does not fit is refused and changes nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.adapters.memory_control import MemoryControl
from service.core.control import Alias, AliasMoved
from service.core.errors import Refused, Unavailable
from service.lifecycle import follower as follower_module
from service.lifecycle.admission import Admission
from service.lifecycle.follower import Follower
from service.lifecycle.guard import Verdict
from service.lifecycle.roster import Roster
from service.ranking import Ranking
from tests.unit.lifecycle.rankings import Bench, ranking, sessions, until, users


@dataclass
class Shelf:
    """A registry of rankings that are there already: a folder's name is its version."""

    models: dict[str, Ranking]
    aliases: dict[Alias, AliasMoved] = field(default_factory=dict)
    forged: set[str] = field(default_factory=set)
    is_away: bool = False
    fetched: list[str] = field(default_factory=list)
    gate: threading.Event | None = None

    def fetch(self, name: str, version: str) -> Path:
        self._answer()
        self.fetched.append(version)
        if self.gate is not None:
            self.gate.wait()
        if version in self.forged:
            raise Refused(f"{name} {version} was changed after it was signed")
        return Path(version)

    def alias(self, name: str, alias: Alias) -> AliasMoved | None:
        self._answer()
        return self.aliases.get(alias)

    def withdraw(self, known: AliasMoved, by: str, reason: str) -> AliasMoved | None:
        self._answer()
        if self.aliases.get(known.alias, known) != known:
            return None
        self.aliases[known.alias] = moved(
            known.alias, None, known.sequence + 1, by=by, reason=reason
        )
        return self.aliases[known.alias]

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("the store does not answer")

    def load(self, folder: Path) -> Ranking:
        return self.models[str(folder)]


def moved(
    alias: Alias,
    version: str | None,
    sequence: int = 1,
    *,
    share: float = 0.0,
    by: str = "ops",
    reason: str = "test",
    force: bool = False,
) -> AliasMoved:
    return AliasMoved(
        name="ranker",
        alias=alias,
        version=version,
        sequence=sequence,
        at_ms=0,
        by=by,
        reason=reason,
        share=share,
        force=force,
    )


class Desk:
    """A worker that follows, and everything around it."""

    def __init__(self) -> None:
        self.bench = Bench(Roster(ranking("0")))
        self.shelf = Shelf({v: ranking(v) for v in "12345"} | {"9": ranking("9", inverted=True)})
        self.control = MemoryControl()
        admission = Admission(self.shelf, "ranker", self.shelf.load, drift_max=0.5)
        self.follower = Follower(self.control, admission, self.bench.watch)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        with self.bench.serving.running():
            async with self.follower.following():
                yield

    def version(self, alias: Alias = "champion") -> str | None:
        return self.bench.serving.roster.version_of(alias)

    async def listeners(self) -> None:
        """Rank for enough sessions to know how scores spread."""
        await self.bench.serving.rank(sessions(16), users(16))

    async def settle(self, alias: Alias, sequence: int) -> None:
        await until(lambda: self.follower._settled.get(alias, 0) >= sequence)


async def test_at_start_the_champion_is_there_before_the_first_batch() -> None:
    desk = Desk()
    await desk.control.announce(moved("champion", "1"))
    await desk.control.announce(moved("challenger", "2", share=0.25))
    await desk.control.announce(moved("shadow", "3"))
    async with desk.following():
        assert [desk.version(a) for a in ("champion", "challenger", "shadow")] == ["1", "2", "3"]
        assert desk.bench.serving.roster.challenger
        assert desk.bench.serving.roster.challenger.share == 0.25
        info = {"alias": "champion", "name": "ranker", "version": "1"}
        assert desk.bench.figure("segue_model_info", **info) == 1


async def test_an_empty_topic_leaves_the_registry_s_word() -> None:
    desk = Desk()
    desk.shelf.aliases["champion"] = moved("champion", "2", 4)
    async with desk.following():
        assert desk.version() == "2"


async def test_the_newer_of_registry_and_topic_holds() -> None:
    desk = Desk()
    desk.shelf.aliases["champion"] = moved("champion", "2", 4)
    await desk.control.announce(moved("champion", "1", 3))
    async with desk.following():
        assert desk.version() == "2"


async def test_with_nothing_moved_the_worker_s_own_model_serves() -> None:
    desk = Desk()
    async with desk.following():
        assert desk.version() == "0"


async def test_a_registry_that_is_away_stops_no_worker() -> None:
    desk = Desk()
    desk.shelf.is_away = True
    await desk.control.announce(moved("champion", "1"))
    async with desk.following():
        assert desk.version() == "0"
    assert desk.bench.figure("segue_model_refused_total", reason="unavailable") == 1


async def test_a_move_is_followed_and_a_rollback_fetches_nothing() -> None:
    desk = Desk()
    async with desk.following():
        await desk.control.announce(moved("champion", "1", 1))
        await desk.settle("champion", 1)
        await desk.control.announce(moved("champion", "2", 2))
        await desk.settle("champion", 2)
        assert desk.version() == "2"
        await desk.control.announce(moved("champion", "1", 3))
        await desk.settle("champion", 3)
        assert desk.version() == "1"
    assert desk.shelf.fetched == ["1", "2"]


async def test_a_rollback_does_not_wait_for_a_load_that_hangs() -> None:
    desk = Desk()
    async with desk.following():
        await desk.control.announce(moved("champion", "1", 1))
        await desk.settle("champion", 1)
        gate = desk.shelf.gate = threading.Event()
        await desk.control.announce(moved("champion", "2", 2))
        await until(lambda: "2" in desk.shelf.fetched)
        await desk.control.announce(moved("champion", "0", 3))
        await desk.settle("champion", 3)
        assert desk.version() == "0"
        gate.set()
        await until(lambda: len(desk.follower._tasks) == 2)  # the load is through
        assert "2" in desk.follower._held
        assert desk.version() == "0", "a move that was overtaken took effect"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("4", "not_as_published"), ("8", "does_not_load"), ("5", "does_not_fit")],
)
async def test_what_does_not_fit_is_refused_and_the_old_one_serves(
    version: str, reason: str
) -> None:
    desk = Desk()
    desk.shelf.forged.add("4")
    desk.shelf.models["5"] = ranking("6")  # another model than it says
    async with desk.following():
        await desk.control.announce(moved("champion", version))
        await desk.settle("champion", 1)
        assert desk.version() == "0"
    assert desk.bench.figure("segue_model_refused_total", reason=reason) == 1


async def test_a_champion_whose_scores_drift_is_refused_unless_it_is_forced() -> None:
    desk = Desk()
    async with desk.following():
        await desk.listeners()
        await desk.control.announce(moved("champion", "9", 1))
        await desk.settle("champion", 1)
        assert desk.version() == "0"
        assert desk.bench.figure("segue_model_refused_total", reason="drift") == 1
        await desk.control.announce(moved("champion", "9", 2, force=True))
        await desk.settle("champion", 2)
        assert desk.version() == "9"


async def test_an_equal_champion_does_not_drift_and_a_challenger_may() -> None:
    desk = Desk()
    async with desk.following():
        await desk.listeners()
        await desk.control.announce(moved("champion", "1", 1))
        await desk.control.announce(moved("challenger", "9", 1, share=0.1))
        await desk.settle("champion", 1)
        await desk.settle("challenger", 1)
        assert (desk.version(), desk.version("challenger")) == ("1", "9")
        assert desk.bench.watch.guard is not None


async def test_a_champion_whose_scores_are_no_numbers_is_refused() -> None:
    desk = Desk()
    desk.shelf.models["1"] = ranking("1", broken=True)
    async with desk.following():
        await desk.listeners()
        await desk.control.announce(moved("champion", "1"))
        await desk.settle("champion", 1)
        assert desk.version() == "0"
    assert desk.bench.figure("segue_model_refused_total", reason="not_finite") == 1


async def test_a_challenger_that_is_promoted_is_no_longer_a_canary() -> None:
    desk = Desk()
    async with desk.following():
        await desk.control.announce(moved("challenger", "1", 1, share=0.1))
        await desk.settle("challenger", 1)
        await desk.control.announce(moved("champion", "1", 1))
        await desk.settle("champion", 1)
        assert (desk.version(), desk.version("challenger")) == ("1", None)
        assert desk.bench.watch.guard is None


async def test_the_guard_ends_a_canary_here_at_once_and_then_for_everybody() -> None:
    desk = Desk()
    canary = moved("challenger", "1", 7, share=0.1)
    desk.shelf.aliases["challenger"] = canary
    async with desk.following():
        desk.bench.watch.on_trip(Verdict("skips", "0.6 against 0.3"))
        assert desk.version("challenger") is None
        await until(lambda: bool(desk.control.records))
        await desk.settle("challenger", 8)
    told = desk.follower.book.moves["challenger"]
    assert (told.version, told.by, told.sequence) == (None, "guard", 8)
    assert "0.6 against 0.3" in told.reason


async def test_the_guard_s_word_stands_here_though_the_registry_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower_module, "RETRY_S", (0.0,))
    desk = Desk()
    desk.shelf.aliases["challenger"] = moved("challenger", "1", 7, share=0.1)
    async with desk.following():
        desk.shelf.is_away = True
        desk.bench.watch.on_trip(Verdict("skips", "0.6 against 0.3"))
        await desk.control.announce(moved("challenger", "1", 7, share=0.1))  # heard again
        for _ in range(50):
            await asyncio.sleep(0)
        assert desk.version("challenger") is None
        desk.shelf.is_away = False
        await desk.settle("challenger", 8)


async def test_somebody_s_later_word_is_not_overruled_by_the_guard() -> None:
    desk = Desk()
    desk.shelf.aliases["challenger"] = moved("challenger", "1", 7, share=0.1)
    async with desk.following():
        desk.shelf.aliases["challenger"] = moved("challenger", "2", 8, share=0.1)
        desk.bench.watch.on_trip(Verdict("skips", "0.6 against 0.3"))
        await until(lambda: len(desk.follower._tasks) == 2)
        assert desk.control.records == []
        assert desk.shelf.aliases["challenger"].version == "2"


async def test_records_of_others_and_broken_ones_change_nothing() -> None:
    desk = Desk()
    async with desk.following():
        await desk.control.append(b"campaign:1", b"{}")
        await desk.control.append(b"model:champion", b"{nonsense")
        await desk.control.append(b"model:champion", None)
        await desk.control.announce(moved("champion", "1"))
        await desk.settle("champion", 1)
        assert desk.version() == "1"


async def test_few_versions_are_held() -> None:
    desk = Desk()
    async with desk.following():
        for sequence, version in enumerate("12345", start=1):
            await desk.control.announce(moved("champion", version, sequence))
            await desk.settle("champion", sequence)
    assert list(desk.follower._held) == ["2", "3", "4", "5"]
