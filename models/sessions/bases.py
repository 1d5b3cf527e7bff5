"""Base models of a log: what proposes candidates, and what features are read from."""

from dataclasses import dataclass
from functools import cached_property

from models.sessions.encoder import Pointing
from models.sessions.fit_encoder import fit_encoder
from models.sessions.index import build_index
from models.sessions.neighbours import Neighbours, index_sessions
from models.sessions.read import SessionLog
from models.sessions.recipe import Recipe
from models.sessions.transitions import Transitions, count_transitions
from service.core.items import U8
from service.core.retrieval.index import SessionIndex


@dataclass(frozen=True)
class Bases:
    """An encoder, and the index that the service reads, all of one log."""

    encoder: Pointing
    index: SessionIndex
    log: SessionLog
    recipe: Recipe

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.index)

    @cached_property
    def neighbours(self) -> Neighbours:
        """Sessions by item, for baselines."""
        return index_sessions(self.log, self.items, self.recipe.neighbours)

    @cached_property
    def transitions(self) -> Transitions:
        """Counts of steps, for baselines."""
        return count_transitions(self.log, self.items)


def fit_bases(log: SessionLog, kinds: U8, recipe: Recipe, *, seed: int) -> Bases:
    """Fit all of them on a log; kinds uint8[n items] content types."""
    encoder = fit_encoder(log, len(kinds), recipe.encoder, seed=seed)
    index = build_index(log, encoder.items, kinds, recipe.neighbours, seed=seed)
    return Bases(encoder, index, log, recipe)
