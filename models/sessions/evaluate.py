"""Train by the recipe on one log, judge on a later one, and say what each stage is worth.

Every prefix of every test session is a prediction, ranked against all items, ties against us.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.evaluation.calibration import calibration_by_type
from models.sessions.baselines import Recommender, baselines
from models.sessions.lag import lag_curve
from models.sessions.metrics import intervals, summary
from models.sessions.queries import Queries, every_prefix
from models.sessions.ranker_examples import find
from models.sessions.read import I64, Numbering, SessionLog, read_sessions
from models.sessions.recall import recall_of_sources
from models.sessions.recipe import DEFAULT
from models.sessions.recommender import EncoderAlone, SessionRecommender, fit_with_examples
from models.sessions.slices import apart, slices_of
from models.sessions.timing import Timing
from models.sessions.trees import fit_trees
from service.core.items import U8

Say = Callable[[str], None]

SESSIONS_MIN: Final = 20
"""With fewer, a tenth of them is nothing to learn a ranker from."""
CALIBRATION_QUERIES: Final = 5_000


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


def read_logs(
    train: Sequence[Path],
    test: Sequence[Path],
    log_format: str,
    items: Numbering | None = None,
) -> Logs:
    """Read both; an item that only the test log holds, or the given numbering lacks, is unknown.

    Raises:
        ValueError: A file is missing or not in the format, or there is nothing to predict.
    """
    items, users = items or Numbering(), Numbering()
    earlier = read_sessions(train, log_format, items, users)
    items.close()
    later = read_sessions(test, log_format, items, users)
    for paths, log, least in ((train, earlier, SESSIONS_MIN), (test, later, 1)):
        if (log.lengths > 1).sum() < least:
            raise ValueError(
                f"{', '.join(map(str, paths))}: fewer than {least} sessions of two plays; give more"
            )
    return Logs(earlier, later, items.names, np.array(items.kinds, dtype=np.uint8))


def evaluate_logs(logs: Logs, *, seed: int, say: Say, trees: bool = False) -> dict[str, Any]:
    """Train by the default recipe, and judge."""
    timing = Timing()
    say(f"{len(logs.train)} sessions to train on, {len(logs.test)} to judge, {logs.items} items")
    model, examples = fit_with_examples(logs.train, logs.kinds, DEFAULT, seed=seed, timing=timing)
    say(f"trained in {sum(timing.seconds.values()):.0f} s")
    rivals: list[Recommender] = []
    if trees:
        with timing.of("trees"):
            rivals.append(fit_trees(model.bases, examples, DEFAULT, seed=seed))
    del examples
    with timing.of("judging"):
        report = judge(model, logs, rivals, seed=seed, say=say)
    report |= {"seed": seed, "seconds": timing.seconds, "recipe": asdict(DEFAULT)}
    return report


def evaluate_folder(
    folder: Path, train: Sequence[Path], test: Sequence[Path], log_format: str, *, say: Say
) -> dict[str, Any]:
    """Judge a folder as a worker serves it; the training log brings histories and baselines.

    Raises:
        ValueError: A file is missing, not in the format, or the folder is no session model.
        Refused: A file of the folder was changed.
    """
    from models.sessions.folder import read_folder, read_ids  # noqa: PLC0415 - loads ONNX Runtime

    kinds = np.load(folder / "index" / "kind.npy") if folder.exists() else []
    logs = read_logs(train, test, log_format, Numbering.of(read_ids(folder), list(kinds)))
    model, timing = read_folder(folder, logs.train), Timing()
    with timing.of("judging"):
        report = judge(model, logs, [], seed=0, say=say)
    return {**report, "seed": 0, "seconds": timing.seconds, "model": str(folder)}


def judge(
    model: SessionRecommender, logs: Logs, rivals: Sequence[Recommender], *, seed: int, say: Say
) -> dict[str, Any]:
    """Everything that is reported of a trained recommender."""
    queries = every_prefix(logs.test, model.bases.encoder, before=logs.train)
    stages, ranks = _stages(model, logs.train, queries, rivals, say)
    slices = slices_of(queries, logs.train, logs.kinds)
    return {
        **stages[model.name],
        "predictions": len(queries),
        "unreachable": int((queries.target < 0).sum()),
        "reachable": summary(ranks[queries.target >= 0]),
        "intervals": intervals(ranks, queries.session, seed=seed),
        "stages": stages,
        "recall": recall_of_sources(model.bases, queries, model.recipe, logs.train, logs.kinds),
        "lag": lag_curve(model, logs.test, logs.train, model.bases.encoder),
        "calibration": next_calibration(model, queries, seed=seed),
        **{kind: apart(ranks, masks) for kind, masks in slices.items()},
    }


def _stages(
    model: SessionRecommender,
    train: SessionLog,
    queries: Queries,
    rivals: Sequence[Recommender],
    say: Say,
) -> tuple[dict[str, dict[str, float]], I64]:
    bases, recipe = model.bases, model.recipe
    untrained = baselines(train, bases.neighbours, bases.transitions, recipe.neighbours)
    everyone: list[Recommender] = [*untrained, EncoderAlone(bases), *rivals, model]
    stages, ranks = {}, np.empty(0, np.int64)
    for one in everyone:
        ranks = one.ranks(queries)
        stages[one.name] = summary(ranks)
        say(line(one.name, stages[one.name]))
    return stages, ranks


def next_calibration(
    model: SessionRecommender, queries: Queries, *, seed: int
) -> dict[str, dict[str, float]]:
    """Expected calibration error of `next` over all candidates, by content type."""
    queries = queries.take(slice(None, None, max(1, len(queries) // CALIBRATION_QUERIES)))
    said, came, kinds = [], [], []
    for found in find(model.bases, queries, model.recipe):
        said.append(model.scores(found))
        came.append(found.union.items == found.queries.target[found.union.owner])
        kinds.append(model.kinds[found.union.items])
    by_type = calibration_by_type(
        np.concatenate(said)[:, None],
        np.concatenate(came).astype(np.float32)[:, None],
        np.concatenate(kinds),
        ["next"],
        seed=seed,
    )
    return {kind: heads["next"].figures() for kind, heads in by_type.items()}


def line(name: str, metrics: dict[str, float]) -> str:
    """One row of figures, in percent."""
    return f"{name:12}" + "".join(f"  {key} {100 * value:6.2f}" for key, value in metrics.items())
