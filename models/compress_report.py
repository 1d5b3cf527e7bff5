"""What a compressed ranker costs in quality and gains in time, against the one it came from."""

import time
from typing import Any, Final

import numpy as np
from scipy import stats

from models.holdout import Holdout
from service.adapters.onnx import OnnxScorer
from service.core.features import Features, columns_of
from service.core.items import F32

USERS: Final = 8
CANDIDATES: Final = 200
CALLS: Final = 300


def compare(old: OnnxScorer, new: OnnxScorer, held: Holdout) -> dict[str, Any]:
    """Per head: agreement in order and value, quality of both; time per user of both."""
    before, after = old.score(held.features), new.score(held.features)
    return {
        "heads": {
            head: _head(held, head, column, before[:, column], after[:, column])
            for column, head in enumerate(old.heads)
        },
        "examples": len(before),
        "labelled": held.labels is not None,
        "batch_dependence": _batch_dependence(new, held.features),
        "us_per_user": _times(old, new),
    }


def text_of(report: dict[str, Any]) -> str:
    """The report for people."""
    times, size = report["us_per_user"], report["bytes"]
    lines = [
        f"{report['how']}: {size['old']:,} -> {size['new']:,} bytes;"
        f" {times['old']} -> {times['new']} us a user ({USERS} users of {CANDIDATES} candidates,"
        f" x{times['gain']})",
        f"a score moves by up to {report['batch_dependence']:.2g} with who else is in the call",
    ]
    for head, figures in report["heads"].items():
        quality = figures.get("quality")
        said = (
            f"{quality['metric']} {quality['old']:.4f} -> {quality['new']:.4f}" if quality else ""
        )
        lines.append(
            f"  {head:9} rank correlation {figures['spearman']:.5f}, largest change"
            f" {figures['largest_change']:.2g}  {said}".rstrip()
        )
    if not report["labelled"]:
        lines.append(
            "no labels: compared on inputs alone; --holdout FILE tells the price in quality"
        )
    return "\n".join(lines)


def _head(held: Holdout, head: str, column: int, before: F32, after: F32) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "spearman": round(float(stats.spearmanr(before, after).statistic), 6),
        "largest_change": float(np.abs(before - after).max(initial=0)),
    }
    old, new = (held.quality(head, column, scores) for scores in (before, after))
    if old and new:
        figures["quality"] = {"metric": old[0], "old": round(old[1], 5), "new": round(new[1], 5)}
    return figures


def _batch_dependence(scorer: OnnxScorer, features: Features) -> float:
    """How far the first session's scores move when it is ranked alone."""
    mine = features.owner == features.owner[0]
    first = int(features.owner[0])
    alone = Features(
        features.user[first : first + 1],
        np.zeros(int(mine.sum()), np.int32),
        features.candidate[mine],
        features.kind[mine],
    )
    moved = np.abs(scorer.score(alone) - scorer.score(features)[mine])
    return float(moved.max(initial=0))


def _times(old: OnnxScorer, new: OnnxScorer) -> dict[str, float]:
    """Median microseconds per user of calls in turns: both see the same machine."""
    asked = made_up(old.blocks, USERS, CANDIDATES)
    taken: dict[str, list[int]] = {"old": [], "new": []}
    for _ in range(CALLS):
        for name, scorer in (("old", old), ("new", new)):
            begin = time.perf_counter_ns()
            scorer.score(asked)
            taken[name].append(time.perf_counter_ns() - begin)
    medians = {name: float(np.median(times)) / 1000 / USERS for name, times in taken.items()}
    rounded = {name: round(median, 1) for name, median in medians.items()}
    return rounded | {"gain": round(medians["old"] / medians["new"], 2)}


def made_up(blocks: tuple[str, ...], users: int, candidates: int) -> Features:
    """Inputs of the right shape, drawn from a normal distribution."""
    session, candidate = columns_of(blocks)
    draws = np.random.default_rng(0)
    rows = users * candidates
    return Features(
        draws.normal(size=(users, len(session))).astype(np.float32),
        np.repeat(np.arange(users, dtype=np.int32), candidates),
        draws.normal(size=(rows, len(candidate))).astype(np.float32),
        draws.integers(0, 4, rows, dtype=np.uint8),
    )
