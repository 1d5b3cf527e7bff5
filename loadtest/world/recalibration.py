"""Calibrate the committed ranker anew, by head and content type, without training it again.

It serves new listeners, as many sessions about each content type; slopes and offsets are fitted on
what they did with its slates, and judged on other listeners'. The weights stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from loadtest.world.build import load_vectors, with_vectors
from loadtest.world.catalogue import SEED, make_world
from loadtest.world.rounds import ArrayScorer
from loadtest.world.training import COMMITTED, Files
from loadtest.world.type_calibration import ROUND, Table, served_parts, type_calibration
from models.dataset import join
from models.export import export
from models.fit import calibrate
from models.graph_reading import read_ranker
from service.adapters.model_folder import read_model_folder

CALIBRATION_ROUND: Final = 8  # names the listeners; ROUND names those it is judged on


@dataclass(frozen=True)
class Recalibrated:
    """Calibration error by content type and head, with the old slopes and with the new ones."""

    before: Table
    after: Table


def recalibrate_world(
    files: Files = COMMITTED,
    *,
    out: Path | None = None,
    listeners: int,
    scale: float = 1.0,
    seed: int = SEED,
    say: Callable[[str], None] = lambda _: None,
) -> Recalibrated:
    """Write the ranker with new slopes and offsets to `out`, or over itself."""
    world = make_world(seed, scale=scale)
    world = replace(
        world, table=with_vectors(world.table, load_vectors(files.vectors, world.table))
    )
    ranker = read_ranker(files.ranker)
    say(f"1/3 {listeners} listeners to calibrate on")
    examples = join(
        served_parts(world, ArrayScorer(ranker), CALIBRATION_ROUND, listeners=listeners)
    )
    mended = calibrate(ranker, examples)
    say(f"2/3 {listeners} others to judge the old calibration, then the new")
    before, after = (
        type_calibration(
            ArrayScorer(each),
            served_parts(world, ArrayScorer(each), ROUND, listeners=listeners),
            seed=seed,
        )
        for each in (ranker, mended)
    )
    say("3/3 written")
    about = read_model_folder(files.ranker).manifest
    metrics: dict[str, Any] = dict(about["metrics"])
    window = f"{about['trained_on']}; calibrated on {listeners} listeners of its own slates"
    metrics["own_slates_by_type"] = after
    export(mended, out or files.ranker, window=window, seed=int(about["seed"]), metrics=metrics)
    return Recalibrated(before, after)
