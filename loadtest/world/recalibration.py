"""Calibrate the committed ranker anew, by head and content type, without training it again.

It serves new listeners, as many sessions about each content type; slopes and offsets are fitted on
what they did with its slates, and judged on other listeners'. The weights stay as they are. Some
listeners of the mixed policy are among them: on its own slates alone it would unlearn what
strangers do with anything at all, and the gate refuses that.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from loadtest.world.build import load_vectors, with_vectors
from loadtest.world.catalogue import SEED, World, make_world
from loadtest.world.gate_set import HISTORY
from loadtest.world.policy import MixedPolicy
from loadtest.world.rounds import ArrayScorer
from loadtest.world.seat import WARM_UP_PLAYS, warm_seat
from loadtest.world.training import COMMITTED, Files
from loadtest.world.type_calibration import ROUND, Table, served_parts, type_calibration
from models.bend_fit import bent
from models.dataset import Examples, build_examples, join
from models.export import export
from models.graph_reading import read_ranker
from service.adapters.model_folder import read_model_folder

MIXED_FOR: Final = 16
"""One listener of the mixed policy for so many of its own slates."""
MIXED_SESSIONS: Final = 11
MIXED_FIRST: Final = 740_000
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
    own = served_parts(world, ArrayScorer(ranker), CALIBRATION_ROUND, listeners=listeners)
    examples = join([*own, *strangers(world, listeners=listeners // MIXED_FOR)])
    logits = ranker.logits(examples.features)
    mended = bent(ranker, logits, examples.labels, examples.kind)
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
    metrics["own_slates_by_type"] = after  # the logs' own figures are from before this calibration
    export(mended, out or files.ranker, window=window, seed=int(about["seed"]), metrics=metrics)
    return Recalibrated(before, after)


def strangers(world: World, *, listeners: int) -> list[Examples]:
    """What listeners did under the mixed policy, once each had a history of some sessions."""
    policy = MixedPolicy(world)
    seats = (
        warm_seat(world, MIXED_FIRST + n, sessions=MIXED_SESSIONS, policy=policy)
        for n in range(listeners)
    )
    asked = slice(HISTORY * WARM_UP_PLAYS, None)
    return [build_examples(world.table, seat.told).where(asked) for seat in seats]
