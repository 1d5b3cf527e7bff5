"""A ranker that had nothing to learn from: the labels of its examples are shuffled.

It ranks items drawn from the whole catalogue, so that neither retrieval nor popularity helps it:
what it is better at than chance would be a leak. The same ranker with labels in their places shows
that the comparison can tell.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from loadtest.world.arms import SegueArm
from loadtest.world.catalogue import World
from loadtest.world.narrate import narrate
from loadtest.world.plays import PlayLog
from loadtest.world.rounds import ArrayScorer
from models.dataset import Examples, build_examples
from models.fit import EPOCHS, fit_ranker
from service.core.items import I32
from service.core.sessions import SessionBatch
from service.ranking import Ranking

DRAWN: Final = 200


@dataclass(frozen=True)
class DrawnItems:
    """A candidate source that knows nothing: items by lot."""

    items: int
    draws: np.random.Generator
    name: str = "drawn"

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """DRAWN items for every session."""
        owner = np.repeat(np.arange(len(sessions), dtype=np.int32), DRAWN)
        return owner, self.draws.integers(self.items, size=len(owner), dtype=np.int32)


def drawn_arm(
    world: World, examples: Examples, *, shuffled: bool, seed: int, epochs: int = EPOCHS
) -> SegueArm:
    """Learn from the examples and rank drawn items; shuffled, labels belong to other examples."""
    if shuffled:
        order = np.random.default_rng([seed, 7]).permutation(len(examples))
        examples = replace(examples, labels=examples.labels[order])
    ranker = fit_ranker(examples, seed=seed, epochs=epochs)
    source = DrawnItems(len(world), np.random.default_rng([seed, 8]))
    return SegueArm(Ranking(world.table, (source,), ArrayScorer(ranker)))


def examples_of(world: World, log: PlayLog, *, listeners: int) -> Examples:
    """What the first listeners of a log did, as training sees it."""
    return build_examples(world.table, narrate(world, log.where(log.user < listeners)))
