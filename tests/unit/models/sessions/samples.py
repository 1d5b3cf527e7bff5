"""Tiny session logs with a rule in them: who heard item i mostly hears i + 1 next."""

import numpy as np

from models.fit_choices import ChoiceRecipe
from models.sessions.read import SessionLog, session_log
from models.sessions.recipe import EncoderRecipe, NeighbourRecipe, RankerRecipe, Recipe

ITEMS = 40
MUSIC = np.zeros(ITEMS, np.uint8)

QUICK = Recipe(
    encoder=EncoderRecipe(dim=16, epochs=3, batch_positions=64, negatives=32, warm_up_steps=5),
    neighbours=NeighbourRecipe(sessions=20, postings_max=50),
    ranker=RankerRecipe(choice=ChoiceRecipe(hidden=(16, 8), epochs=4, batch_queries=16)),
    per_source=10,
)


def chain_log(sessions: int = 300, *, seed: int = 0, surprise: float = 0.2) -> SessionLog:
    """Sessions of 2 to 7 plays along a ring of items, with some plays out of line."""
    draws = np.random.default_rng(seed)
    walks = []
    for _ in range(sessions):
        length = int(draws.integers(2, 8))
        walk = (draws.integers(ITEMS) + np.arange(length)) % ITEMS
        astray = draws.random(length) < surprise
        walks.append(np.where(astray, draws.integers(0, ITEMS, length), walk).tolist())
    return session_log(walks)
