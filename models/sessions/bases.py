"""Base models of a log: what proposes candidates, and what features are read from."""

from dataclasses import dataclass

from models.sessions.encoder import Encoder
from models.sessions.fit_encoder import fit_encoder
from models.sessions.neighbours import Neighbours, index_sessions
from models.sessions.read import SessionLog
from models.sessions.recipe import Recipe
from models.sessions.transitions import Transitions, count_transitions


@dataclass(frozen=True)
class Bases:
    """An encoder, an index of sessions, counts of transitions and plays, all of one log."""

    encoder: Encoder
    neighbours: Neighbours
    transitions: Transitions

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.encoder.items)


def fit_bases(log: SessionLog, items: int, recipe: Recipe, *, seed: int) -> Bases:
    """Fit all of them on a log."""
    return Bases(
        encoder=fit_encoder(log, items, recipe.encoder, seed=seed),
        neighbours=index_sessions(log, items, recipe.neighbours),
        transitions=count_transitions(log, items),
    )
