"""`segue evaluate world-log`: a log of the synthetic world's exploring policy."""

from pathlib import Path
from typing import Annotated

import typer


def world_log(
    out: Annotated[Path, typer.Argument(help="JSONL file to write.")],
    listeners: int = typer.Option(100, min=8, help="Listeners that no training log has seen."),
    plays: int = typer.Option(12, min=1, help="Of each."),
    seed: int = typer.Option(0, min=0, help="Other listeners, other draws."),
) -> None:
    """Write a simulated log with known propensities, for `segue evaluate policy`."""
    import msgspec

    from loadtest.world.build import load_world
    from loadtest.world.logged import logged_policy
    from loadtest.world.training import RANKER
    from service.adapters.onnx import OnnxScorer
    from service.ranking import Ranking
    from service.sources import default_sources

    world = load_world()
    ranking = Ranking(world.table, default_sources(world.table), OnnxScorer.load(RANKER))
    rows = logged_policy(world, ranking, listeners=listeners, plays=plays, seed=seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as lines:
        for row in rows:
            lines.write(msgspec.json.encode(row) + b"\n")
    typer.echo(f"{listeners * plays} simulated contexts written to {out}")
