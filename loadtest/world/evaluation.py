"""`segue evaluate world`: the closed loop with a model, against popularity and an oracle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest.world.arms import Arm, OracleArm, PopularArm, RandomArm, SegueArm
from loadtest.world.build import ARTIFACT, load_vectors, with_vectors
from loadtest.world.catalogue import SEED, make_world
from loadtest.world.closed_loop import compare
from loadtest.world.training import RANKER
from service.adapters.onnx import OnnxScorer
from service.ranking import Ranking
from service.sources import default_sources


def evaluate_world(
    *, listeners: int, ranker: Path = RANKER, vectors: Path = ARTIFACT, seed: int = SEED
) -> dict[str, Any]:
    """Run popularity, chance, the service and the oracle on the same listeners."""
    world = make_world(seed)
    table = with_vectors(world.table, load_vectors(vectors, world.table))
    world = replace(world, table=table)
    scorer = OnnxScorer.load(ranker)
    arms: dict[str, Arm] = {
        "random": RandomArm(world, seed),
        "popular": PopularArm(world),
        "segue": SegueArm(Ranking(table, default_sources(table), scorer)),
        "oracle": OracleArm(world),
    }
    figures = compare(world, arms, listeners=listeners, seed=seed)
    return {"listeners": listeners, "model": scorer.model.version, "arms": figures}
