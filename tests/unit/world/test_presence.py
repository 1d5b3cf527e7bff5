"""A listener's no is felt: with the shipped model, an artist who is skipped loses places.

Each session begins with songs of one artist that went well, so that the queue has more of them;
then the listener says no, and the artist's places in the next slate are counted.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
import pytest

from loadtest.world.catalogue import World
from loadtest.world.training import RANKER
from service.adapters.onnx import OnnxScorer
from service.core import events as ev
from service.core.session import EMPTY, SessionState
from service.core.steering import SteerIntent
from service.ranking import Ranking
from service.sources import default_sources
from tests.event_makers import T0_MS, folded, item_fact, user_fact

SESSIONS = 50
ENJOYED = 3  # songs of the artist, before the no
SKIPS = 2
SONGS_MIN = 12  # so that there is more of the artist to offer


@dataclass
class Sitting:
    """A listener's session so far, and the artist that it is about."""

    ranking: Ranking
    artist: int
    state: SessionState = EMPTY
    now_ms: int = T0_MS

    def queue(self) -> list[int]:
        (ranked,) = self.ranking.rank([self.state])
        return [self.ranking.table.rows[item.item_id] for item in ranked.items]

    def places(self, first: int = 20) -> int:
        return sum(self.is_of_artist(row) for row in self.queue()[:first])

    def is_of_artist(self, row: int) -> bool:
        return int(self.ranking.table.artist[row]) == self.artist

    def enjoy(self, row: int) -> None:
        whole_ms = 1000 * int(self.ranking.table.duration_s[row])
        self._tell(row, (ev.Started, 0), (ev.Liked, whole_ms // 2), (ev.Completed, whole_ms))

    def skip(self, row: int) -> None:
        self._tell(row, (ev.Started, 0), (ev.Skipped, 3000))

    def skip_next(self, *, of_the_artist: bool) -> None:
        """Skip the first in the queue that is of the artist, or of another; if there is one."""
        mine = [row for row in self.queue() if self.is_of_artist(row) is of_the_artist]
        for row in mine[:1]:
            self.skip(row)

    def want_less(self) -> None:
        intent = SteerIntent(less_artists=(self.ranking.table.artist_ids[self.artist],))
        wish = user_fact(ev.Steered, intent=intent, at_ms=self.now_ms)
        self.state = folded(wish, state=self.state)

    def _tell(self, row: int, *facts: tuple[type[ev.ItemFact], int]) -> None:
        table = self.ranking.table
        for kind, position_ms in facts:
            event = item_fact(
                kind,
                table.ids[row],
                content_type=ev.CONTENT_TYPES[table.content_type[row]],
                artist_id=table.artist_ids[table.artist[row]],
                at_ms=self.now_ms + position_ms,
                position_ms=position_ms,
            )
            self.state = folded(event, state=self.state)
        self.now_ms += facts[-1][1] + 1000


@pytest.fixture(scope="module")
def ranking(world: World) -> Ranking:
    return Ranking(world.table, default_sources(world.table), OnnxScorer.load(RANKER))


@pytest.fixture(scope="module")
def sittings(ranking: Ranking) -> list[Sitting]:
    """Sessions that went well with one artist each, and with nothing else yet."""
    table = ranking.table
    songs = np.bincount(table.artist[table.content_type == 0], minlength=len(table.artist_ids))
    artists = np.random.default_rng(3).choice(np.flatnonzero(songs >= SONGS_MIN), SESSIONS, False)
    begun = [Sitting(ranking, int(artist)) for artist in artists]
    for sitting in begun:
        mine = np.flatnonzero(table.artist == sitting.artist)
        for row in mine[np.argsort(-table.popularity[mine], kind="stable")][:ENJOYED]:
            sitting.enjoy(int(row))
    return begun


def mean_places(sittings: list[Sitting]) -> float:
    return float(np.mean([sitting.places() for sitting in sittings]))


def test_an_artist_who_went_well_is_in_the_queue(sittings: list[Sitting]) -> None:
    assert mean_places(sittings) > 2


def test_skips_take_places_from_their_artist_and_not_from_others(sittings: list[Sitting]) -> None:
    skipped, spared = ([copy(sitting) for sitting in sittings] for _ in range(2))
    for own, other in zip(skipped, spared, strict=True):
        for _ in range(SKIPS):
            own.skip_next(of_the_artist=True)
            other.skip_next(of_the_artist=False)
    before, after, control = (mean_places(each) for each in (sittings, skipped, spared))
    assert after < before
    assert after < control
    assert all(a.places() <= b.places() for a, b in zip(skipped, sittings, strict=True))


def test_an_artist_of_whom_less_is_wanted_is_not_among_the_next_ten(
    sittings: list[Sitting],
) -> None:
    unwanted = [copy(sitting) for sitting in sittings]
    for sitting in unwanted:
        sitting.want_less()
    assert [sitting.places(10) for sitting in unwanted] == [0] * SESSIONS
