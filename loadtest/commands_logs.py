"""`segue evaluate world-log` and `feedback`: a simulated log, and a log of real verdicts."""

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


def feedback(
    log: Annotated[Path, typer.Argument(help="A log with verdicts.")],
    log_format: Annotated[str, typer.Option("--format", help="kuairand or piki.")],
    seed: int = typer.Option(0, min=0, help="Of every draw."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object as the last line."),
) -> None:
    """Foretell skips and dislikes of the last fifth of a log; recorded as a run."""
    import msgspec

    from models.commands_evaluation import print_json
    from models.data.telling import Telling, tell
    from models.evaluation.feedback import feedback_report
    from models.evaluation.runs import record_run
    from models.formats import read_log
    from service.core.events import PlaybackEvent

    decoder = msgspec.json.Decoder(PlaybackEvent)
    try:
        plays = list(read_log(log, log_format))
        told = (decoder.decode(one.value) for one in tell(plays, log_format, Telling()))
        report = feedback_report(plays, told, name=log_format, seed=seed)
    except ValueError as error:
        typer.echo(f"segue evaluate feedback: {error}", err=True)
        raise typer.Exit(1) from None
    for head, methods in report["heads"].items():
        for method, figures in methods.items():
            cells = "".join(f"  {name} {value:.4f}" for name, value in figures.items())
            typer.echo(f"{head:6}{method:16}{cells}", err=json)
    record_run("evaluate feedback", params={"seed": seed}, report=report, inputs=[log])
    if json:
        print_json(report)
