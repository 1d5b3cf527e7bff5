"""Test, then train: a log replayed block by block, each block asked before it is learned.

Baselines are counted anew before each block. The recommender costs minutes and is trained anew
before every so many; in between it grows old, while the listeners' rings that it reads stay fresh.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.evaluation.incremental import LiveMarkov
from models.evaluation.plots import Curves
from models.sessions.baselines import baselines
from models.sessions.metrics import summary
from models.sessions.neighbours import index_sessions
from models.sessions.queries import Queries, every_prefix
from models.sessions.read import I64, SessionLog
from models.sessions.recipe import Recipe
from models.sessions.recommender import fit_recommender
from models.sessions.timing import Timing
from models.sessions.transitions import count_transitions
from service.core.items import U8

BLOCKS_MIN: Final = 2
SESSIONS_MIN: Final = 20
METHODS: Final = ("pop", "markov", "vsknn", "hybrid")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a log is replayed."""

    blocks: int = 10
    queries_max: int = 4000  # asked of a block, drawn by chance
    ranked_every: int = 0  # blocks between trainings of the recommender; 0 leaves it out
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """A block with everything before it."""

    number: int
    seen: SessionLog
    asked: SessionLog
    chosen: I64  # of the block's queries


Ask = Callable[[Step], I64]
"""Ranks of a block's chosen targets, by what was trained some blocks ago."""


def prequential(
    log: SessionLog,
    items: int,
    recipe: Recipe,
    plan: Plan,
    say: Callable[[str], None],
    train: Callable[[SessionLog], Ask] | None = None,
) -> list[dict[str, Any]]:
    """Figures of every block but the first, which is only learned.

    `train` is called with all before a block, every `plan.ranked_every` blocks.

    Raises:
        ValueError: The log is too short for so many blocks.
    """
    if plan.blocks < BLOCKS_MIN or len(log) < plan.blocks * SESSIONS_MIN:
        raise ValueError(
            f"{len(log)} sessions make no {plan.blocks} blocks; give a longer log, or at least"
            f" {BLOCKS_MIN} and fewer blocks of {SESSIONS_MIN} sessions or more"
        )
    results = []
    trained: Ask | None = None
    for step in steps(log, plan):
        if train and plan.ranked_every and (step.number - 1) % plan.ranked_every == 0:
            trained = train(step.seen)
        results.append(_ask(step, items, recipe, trained))
        say(_line(results[-1]))
    return results


def steps(log: SessionLog, plan: Plan) -> Iterator[Step]:
    """Blocks of as many sessions each, from the second on."""
    edges = np.linspace(0, len(log), plan.blocks + 1).astype(np.int64).tolist()
    for number in range(1, plan.blocks):
        asked = log.between(edges[number], edges[number + 1])
        count = len(asked.items) - len(asked)  # of queries: every play but each session's first
        chosen = np.arange(count, dtype=np.int64)
        if count > plan.queries_max:
            draws = np.random.default_rng([plan.seed, 25, number])
            chosen = np.sort(draws.choice(count, plan.queries_max, replace=False))
        yield Step(number, log.between(0, edges[number]), asked, chosen)


def recommender_training(kinds: U8, recipe: Recipe, *, seed: int) -> Callable[[SessionLog], Ask]:
    """Training of the whole recommender, for `prequential`; kinds uint8[n items]."""

    def train(seen: SessionLog) -> Ask:
        model = fit_recommender(seen, kinds, recipe, seed=seed, timing=Timing())
        encoder = model.bases.encoder
        return lambda step: model.ranks(
            every_prefix(step.asked, encoder, before=step.seen).take(step.chosen)
        )

    return train


def _ask(step: Step, items: int, recipe: Recipe, trained: Ask | None) -> dict[str, Any]:
    queries = every_prefix(step.asked, None, before=step.seen).take(step.chosen)
    index = index_sessions(step.seen, items, recipe.neighbours)
    transitions = count_transitions(step.seen, items)
    ranks = {
        one.name: one.ranks(queries)
        for one in baselines(step.seen, index, transitions, recipe.neighbours)
        if one.name in METHODS
    }
    ranks["markov live"] = LiveMarkov(step.seen).ranks(step.asked, queries)
    if trained is not None:
        ranks["ranked"] = trained(step)
    return {
        "block": step.number,
        "sessions": len(step.asked),
        "learned_sessions": len(step.seen),
        "predictions": len(queries),
        "new_items": _share_new(step, queries),
        "methods": {name: summary(found) for name, found in ranks.items()},
    }


def _share_new(step: Step, queries: Queries) -> float:
    """Share of the targets that nobody has heard before the block."""
    return float((~np.isin(queries.target, step.seen.items)).mean())


def _line(result: dict[str, Any]) -> str:
    figures = (
        f"{name} {100 * found['hr@20']:.2f} / {100 * found['mrr@20']:.2f}"
        for name, found in result["methods"].items()
    )
    return f"block {result['block']}: " + ", ".join(figures)


def means(results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Each method's metrics over all predictions of all blocks."""
    weight = np.array([result["predictions"] for result in results], dtype=np.float64)
    return {
        name: {
            metric: float(np.average([r["methods"][name][metric] for r in results], weights=weight))
            for metric in found
        }
        for name, found in results[0]["methods"].items()
    }


def curves(results: list[dict[str, Any]], metric: str) -> Curves:
    """One line for each method over the blocks."""
    names = list(results[0]["methods"])
    return Curves(
        title="Test, then train",
        x_label="block",
        y_label=metric,
        x=[result["block"] for result in results],
        lines={name: [r["methods"][name][metric] for r in results] for name in names},
    )
