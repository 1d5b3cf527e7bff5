"""Train by the recipe on one log, judge on a later one, and say what each stage is worth.

Every prefix of every test session is a prediction, ranked against all items, ties against us.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.sessions.baselines import Recommender, baselines
from models.sessions.lag import lag_curve
from models.sessions.metrics import intervals, summary
from models.sessions.queries import Queries, every_prefix
from models.sessions.read import I64, Numbering, SessionLog, read_sessions
from models.sessions.recall import recall_of_sources
from models.sessions.recipe import DEFAULT
from models.sessions.recommender import EncoderAlone, SessionRecommender, fit_recommender
from models.sessions.slices import by_item_age, by_listener
from models.sessions.timing import Timing
from service.core.items import U8

Say = Callable[[str], None]

SESSIONS_MIN: Final = 20
"""With fewer, a tenth of them is nothing to learn a ranker from."""


@dataclass(frozen=True)
class Logs:
    """What to train on and what to judge on, in one numbering of items and listeners."""

    train: SessionLog
    test: SessionLog
    names: list[str]
    kinds: U8

    @property
    def items(self) -> int:
        """How many items training knows."""
        return len(self.names)


def read_logs(train: Sequence[Path], test: Sequence[Path], log_format: str) -> Logs:
    """Read both; an item that only the test log holds is unknown.

    Raises:
        ValueError: A file is missing or not in the format, or there is nothing to predict.
    """
    items, users = Numbering(), Numbering()
    earlier = read_sessions(train, log_format, items, users)
    items.close()
    later = read_sessions(test, log_format, items, users)
    for paths, log, least in ((train, earlier, SESSIONS_MIN), (test, later, 1)):
        if (log.lengths > 1).sum() < least:
            raise ValueError(
                f"{', '.join(map(str, paths))}: fewer than {least} sessions of two plays; give more"
            )
    return Logs(earlier, later, items.names, np.array(items.kinds, dtype=np.uint8))


def evaluate_logs(logs: Logs, *, seed: int, say: Say) -> dict[str, Any]:
    """Train and judge."""
    timing = Timing()
    say(f"{len(logs.train)} sessions to train on, {len(logs.test)} to judge, {logs.items} items")
    model = fit_recommender(logs.train, logs.kinds, DEFAULT, seed=seed, timing=timing)
    say(f"trained in {sum(timing.seconds.values()):.0f} s")
    with timing.of("judging"):
        report = judge(model, logs, seed=seed, say=say)
    return {**report, "seed": seed, "seconds": timing.seconds, "recipe": asdict(DEFAULT)}


def judge(model: SessionRecommender, logs: Logs, *, seed: int, say: Say) -> dict[str, Any]:
    """Everything that is reported of a trained recommender."""
    queries = every_prefix(logs.test, model.bases.encoder, before=logs.train)
    stages, ranks = _stages(model, logs.train, queries, say)
    return {
        **stages[model.name],
        "predictions": len(queries),
        "unreachable": int((queries.target < 0).sum()),
        "intervals": intervals(ranks, queries.session, seed=seed),
        "stages": stages,
        "recall": recall_of_sources(model.bases, queries, model.recipe),
        "lag": lag_curve(model, logs.test, logs.train, model.bases.encoder),
        "by_listener": by_listener(ranks, queries, logs.train),
        "by_item_age": by_item_age(ranks, queries, logs.train, logs.items),
        "by_half": _by_half(ranks, queries),
    }


def _stages(
    model: SessionRecommender, train: SessionLog, queries: Queries, say: Say
) -> tuple[dict[str, dict[str, float]], I64]:
    bases, recipe = model.bases, model.recipe
    untrained = baselines(train, bases.neighbours, bases.transitions, recipe.neighbours)
    everyone: list[Recommender] = [*untrained, EncoderAlone(bases), model]
    stages, ranks = {}, np.empty(0, np.int64)
    for one in everyone:
        ranks = one.ranks(queries)
        stages[one.name] = summary(ranks)
        say(line(one.name, stages[one.name]))
    return stages, ranks


def line(name: str, metrics: dict[str, float]) -> str:
    """One row of figures, in percent."""
    return f"{name:12}" + "".join(f"  {key} {100 * value:6.2f}" for key, value in metrics.items())


def _by_half(ranks: I64, queries: Queries) -> dict[str, dict[str, float]]:
    """The earlier and the later half of the test sessions: does age of the model tell?"""
    later = queries.session >= (int(queries.session.max(initial=0)) + 1) // 2
    return {"earlier": summary(ranks[~later]), "later": summary(ranks[later])}
