"""The gate for session models: next-item metrics of both by the path that serves them.

Graphs in ONNX Runtime, the folder's own index: an index that is old, or another log's, is a worse
model, whatever its ranker learned. Compared session by session on a log of later sessions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.evaluation.calibration import Calibration, calibration
from models.evaluation.gate import Tolerances, Verdict, report_difference
from models.evaluation.intervals import F64, Interval, by_group, ratio_difference, resamples
from models.evaluation.latency_ratio import interleaved
from models.sessions.folder import read_folder, read_ids
from models.sessions.metrics import gains
from models.sessions.queries import Queries, every_prefix
from models.sessions.ranker_examples import find
from models.sessions.read import Numbering, SessionLog, read_sessions
from models.sessions.recommender import SessionRecommender, union_ranks
from service.adapters.model_check import files_of
from service.adapters.model_folder import read_model_folder

QUERIES_MAX: Final = 3000
METRICS: Final = ("hr@20", "mrr@20")
ROUNDS: Final = 40
USERS: Final = 16


@dataclass(frozen=True)
class SessionQuality:
    """What one model came to (s sessions): sums of each metric and counts, float64[s]."""

    version: str
    bytes: int
    totals: dict[str, F64]
    size: F64
    next_calibration: Calibration
    next_rate: float
    reached: float

    def figures(self) -> dict[str, float]:
        """For reports."""
        means = {name: float(total.sum() / self.size.sum()) for name, total in self.totals.items()}
        return {name: round(value, 5) for name, value in {**means, "reached": self.reached}.items()}


@dataclass(frozen=True)
class Served:
    """A folder as a worker runs it, and the log's questions in its own rows."""

    model: SessionRecommender
    queries: Queries
    version: str
    bytes: int


def is_session_model(folder: Path) -> bool:
    """It has an index of its own."""
    return (folder / "index").is_dir()


def gate_sessions(
    candidate: Path, champion: Path, log: tuple[Path, str], tolerances: Tolerances
) -> Verdict:
    """Judge a folder against another on a log of later sessions: (file, format).

    Raises:
        Refused: A folder is no model that this service serves.
        ValueError: The log is missing, or not in the format.
    """
    mine, other = serve(candidate, log), serve(champion, log)
    return judge_sessions(mine, other, _digest(log[0]), tolerances)


def serve(folder: Path, log: tuple[Path, str]) -> Served:
    """Load a folder, and read the log in its rows; what it has no row for it cannot find."""
    read = read_model_folder(folder)
    names = read_ids(folder)
    items = Numbering.of(names, [0] * len(names))
    sessions = read_sessions([log[0]], log[1], items, Numbering())
    size = sum(path.stat().st_size for path in files_of(folder))
    return served_of(read_folder(folder, sessions), sessions, read.version, size)


def served_of(model: SessionRecommender, log: SessionLog, version: str, size: int) -> Served:
    """Every so-manyth prefix, so that there are no more than QUERIES_MAX."""
    queries = every_prefix(log, model.bases.encoder)
    every = max(1, -(-len(queries) // QUERIES_MAX))
    return Served(model, queries.take(slice(0, None, every)), version, size)


def judge_sessions(
    candidate: Served, champion: Served, digest: str, tolerances: Tolerances, *, seed: int = 0
) -> Verdict:
    """Compare both on the same sessions."""
    mine, other = measure_sessions(candidate), measure_sessions(champion)
    times = resamples(len(mine.size), seed=seed)
    quality = {
        name: ratio_difference(
            (mine.totals[name], mine.size), (other.totals[name], other.size), times
        )
        for name in METRICS
    }
    errors = mine.next_calibration, other.next_calibration
    evidence = {
        "quality": {name: found.figures() for name, found in quality.items()},
        "figures": {"candidate": mine.figures(), "champion": other.figures()},
        "ece": {
            "next": {
                "candidate": round(errors[0].ece, 5),
                "champion": round(errors[1].ece, 5),
                "floor": round(errors[0].floor, 5),
                "rate": round(other.next_rate, 5),
            }
        },
        "latency": _latency(candidate, champion),
        "bytes": {"candidate": mine.bytes, "champion": other.bytes},
        "sessions": len(mine.size),
        "predictions": int(mine.size.sum()),
        "log": digest,
    }
    return report_difference(
        candidate.version, champion.version, list(_worse(quality, tolerances)), evidence, tolerances
    )


def measure_sessions(served: Served) -> SessionQuality:
    """Rank every question's candidates, and hold what was said against what came next."""
    ranks, said, seen = [], [], []
    for found in find(served.model.bases, served.queries, served.model.recipe):
        scores = served.model.scores(found)
        ranks.append(union_ranks(scores, found))
        hits = np.zeros(len(scores), np.float32)
        hits[found.target_at[found.target_at >= 0]] = 1
        said.append(scores)
        seen.append(hits)
    found_ranks, came = np.concatenate(ranks), np.concatenate(seen)
    _, session = np.unique(served.queries.session, return_inverse=True)
    count = int(session.max()) + 1
    values = gains(found_ranks)
    return SessionQuality(
        version=served.version,
        bytes=served.bytes,
        totals={name: by_group(values[name], session, count) for name in METRICS},
        size=np.bincount(session, minlength=count).astype(np.float64),
        next_calibration=calibration(np.concatenate(said), came),
        next_rate=float(came.mean()),
        reached=float(came.sum() / len(found_ranks)),
    )


def _worse(quality: dict[str, Interval], tolerances: Tolerances) -> Iterator[str]:
    for name, found in quality.items():
        if -found.low > tolerances.hits:
            what = "worse" if found.high < 0 else "not shown to be as good"
            span = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
            yield f"{name} is {what}: {span}, {tolerances.hits:g} is tolerated"


def _latency(candidate: Served, champion: Served) -> dict[str, Any]:
    """Retrieval and ranking of the same 16 listeners, one model after the other."""

    def serving(one: Served) -> Callable[[], None]:
        asked = one.queries.take(slice(0, USERS))

        def serve() -> None:
            for found in find(one.model.bases, asked, one.model.recipe):
                one.model.scores(found)

        return serve

    said = f"{USERS} listeners, retrieval and ranking"
    return interleaved(serving(candidate), serving(champion), rounds=ROUNDS, batch=said)


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
