"""A log of an exploring policy in the synthetic world: its propensities are known, and the truth.

The policy draws each next item from the slate that the service ranks: by a softmax of the slate's
scores, and a share of the time any of them. What became of the item is its reward: 1 for heard to
the end. `expected` is the listener's own chance of that, which only a simulator knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.plays import START_MS
from loadtest.world.seat import Seat, warm_seat
from models.evaluation.policy_log import Row
from service.core.candidates import Candidates
from service.core.features import Features, featurize
from service.core.sessions import session_batch
from service.ranking import Ranked, Ranking

FIRST_LISTENER: Final = 900_000
SEEDS_APART: Final = 10_000
BATCH: Final = 16
DIGITS: Final = 5


@dataclass(frozen=True)
class Exploration:
    """How the logging policy draws."""

    temperature: float = 0.4
    explore: float = 0.2

    def propensities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of one slate: float64[k], adding up to 1."""
        raised = np.exp((scores - scores.max()) / self.temperature)
        drawn = (1 - self.explore) * raised / raised.sum() + self.explore / len(scores)
        return np.asarray(drawn)


def logged_policy(
    world: World,
    ranking: Ranking,
    *,
    listeners: int,
    plays: int,
    seed: int,
    exploration: Exploration = Exploration(),
) -> Iterator[Row]:
    """Let `listeners` hear `plays` items each, one drawn from each slate."""
    draws = np.random.default_rng([world.seed, 24, seed])
    first = FIRST_LISTENER + seed * SEEDS_APART
    seats = [warm_seat(world, first + number, START_MS) for number in range(listeners)]
    for seat in seats:
        seat.open_session()
    for _ in range(plays):
        for begin in range(0, listeners, BATCH):
            yield from _serve(ranking, seats[begin : begin + BATCH], exploration, draws)


def _serve(
    ranking: Ranking, seats: Sequence[Seat], exploration: Exploration, draws: np.random.Generator
) -> Iterator[Row]:
    slates = ranking.rank([seat.state for seat in seats])
    features = _features(ranking, seats, slates)
    at = 0
    for number, (seat, slate) in enumerate(zip(seats, slates, strict=True)):
        rows = np.array([ranking.table.rows[item.item_id] for item in slate.items])
        mine = slice(at, at := at + len(rows))
        scores = np.array([item.score for item in slate.items])
        chances = exploration.propensities(scores)
        chosen = int(draws.choice(len(rows), p=chances))
        expected = seat.live.finish_chance(rows)
        context = f"{seat.live.listener.user_id}/{seat.state.version}"
        outcome = seat.hear(int(rows[chosen]))
        yield Row(
            context=context,
            listener=seat.live.listener.user_id,
            items=[item.item_id for item in slate.items],
            chosen=chosen,
            propensity=float(chances[chosen]),
            propensities=chances.tolist(),
            reward=float(outcome.end == "completed"),
            scores=scores.tolist(),
            session=features.user[number].round(DIGITS).tolist(),
            candidates=features.candidate[mine].round(DIGITS).tolist(),
            kinds=features.kind[mine].tolist(),
            expected=expected.tolist(),
        )


def _features(ranking: Ranking, seats: Sequence[Seat], slates: Sequence[Ranked]) -> Features:
    """The ranker's features of the slates' items."""
    owner = [number for number, slate in enumerate(slates) for _ in slate.items]
    rows = [ranking.table.rows[item.item_id] for slate in slates for item in slate.items]
    sessions = session_batch(ranking.table, [seat.state for seat in seats])
    asked = Candidates(
        np.array(owner, np.int32), np.array(rows, np.int32), np.zeros(len(rows), np.uint32)
    )
    return featurize(sessions, asked)
