"""`segue train world` and `segue evaluate world`: the synthetic world's model, made and judged."""

from pathlib import Path
from typing import Annotated, Any

import typer

from loadtest.commands_gate import gate
from loadtest.commands_logs import feedback, world_log
from models.commands_evaluation import policy, prequential, runs
from models.commands_sessions import evaluate_sessions, report_sessions, train_on_sessions

_QUIET = {"add_completion": False, "no_args_is_help": True, "rich_markup_mode": None}
train = typer.Typer(help="Train item vectors and the ranker.", **_QUIET)  # type: ignore[arg-type]
evaluate = typer.Typer(help="Judge a ranker.", **_QUIET)  # type: ignore[arg-type]


@train.callback()
def _train() -> None:
    """Train item vectors and the ranker."""


@evaluate.callback()
def _evaluate() -> None:
    """Judge a ranker."""


evaluate.command("sessions")(evaluate_sessions)
evaluate.command("report")(report_sessions)
evaluate.command("gate")(gate)
evaluate.command("policy")(policy)
evaluate.command("world-log")(world_log)
evaluate.command("prequential")(prequential)
evaluate.command("feedback")(feedback)
evaluate.command("runs")(runs)
train.command("sessions")(train_on_sessions)


@train.command("world")
def train_on_world(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; the committed artefacts if not given.")
    ] = None,
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Let synthetic listeners listen, then learn vectors and ranker from their events."""
    from loadtest.world.training import train_world
    from models.evaluation.runs import record_run

    say = (lambda _: None) if json else typer.echo
    where = (out / "ranker", out / "world" / "vectors.npz") if out else ()
    report = train_world(*where, say=say)
    record_run("train world", params={"out": out or "models/artifacts"}, report=report)
    _print_heads(report) if not json else _print_json(report)


@evaluate.command("world")
def evaluate_on_world(
    listeners: int = typer.Option(200, min=8, help="Listeners that no training log has seen."),
    calibration_listeners: int = typer.Option(
        1600, min=0, help="Others, to judge calibration by content type on; 0 leaves it out."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Play what chance, charts, VSKNN, the service and an oracle pick to the same listeners.

    Exit code 1 if a placebo is loud: then none of the figures is to be believed.
    """
    from loadtest.world.evaluation import evaluate_world
    from loadtest.world.tables import tables
    from models.evaluation.runs import record_run

    say = (lambda _: None) if json else typer.echo
    report = evaluate_world(
        listeners=listeners, calibration_listeners=calibration_listeners, say=say
    )
    record_run("evaluate world", params={"listeners": listeners}, report=report)
    typer.echo("\n".join(tables(report))) if not json else _print_json(report)
    refuse_if_loud(report)


@evaluate.command("cold")
def evaluate_cold(
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Place items of the world as if nobody had played them: creator's mean against the tower."""
    from loadtest.world.catalogue import SEED, make_world
    from loadtest.world.cold_items import judge_cold
    from loadtest.world.plays import make_plays
    from loadtest.world.tables import cold_table
    from loadtest.world.training import Extent

    world, extent = make_world(SEED), Extent()
    log = make_plays(world, listeners=extent.listeners, days=extent.days)
    report = judge_cold(world, log, seed=SEED)
    typer.echo("\n".join(cold_table(report))) if not json else _print_json(report)


@train.command("world-calibration")
def calibrate_world(
    listeners: int = typer.Option(1600, min=48, help="To calibrate on, and as many to judge on."),
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write to; over the committed ranker if not given."),
    ] = None,
) -> None:
    """Fit the committed ranker's calibration by content type anew; its weights stay."""
    from loadtest.world.recalibration import recalibrate_world
    from loadtest.world.tables import calibration_table

    done = recalibrate_world(out=out, listeners=listeners, say=typer.echo)
    for name, table in (("before", done.before), ("after", done.after)):
        typer.echo("\n".join([f"{name}:", *calibration_table(table)]))


def refuse_if_loud(report: dict[str, Any]) -> None:
    """Exit with code 1 when a placebo showed something."""
    loud = [name for name, each in report["placebos"].items() if each["verdict"] == "loud"]
    if loud:
        typer.echo(f"segue evaluate world: loud placebo: {', '.join(loud)}", err=True)
        raise typer.Exit(1)


def _print_heads(report: dict[str, Any]) -> None:
    typer.echo(f"{'log':16}{'head':10}{'by':12}{'AUC':>8}{'log loss':>10}{'ECE':>8}")
    for log, figures in report.items():
        for head in figures["ranker"]:
            for by in ("ranker", "popularity"):
                row = figures[by][head]
                shown = f"{row['auc']:8.3f}{row['log_loss']:10.3f}{row['ece']:8.3f}"
                typer.echo(f"{log:16}{head:10}{by:12}{shown}")


def _print_json(report: dict[str, Any]) -> None:
    from orjson import dumps

    typer.echo(dumps(report).decode())
