"""`segue train sessions`, `evaluate sessions` and `report`: the session recommender on logs."""

from pathlib import Path
from typing import Annotated

import typer

TRAIN = typer.Option(help="Log to train on; may repeat, in time order.")
FORMAT = typer.Option(
    "--format", help="lines (a session on each), 30music, yambda, piki or sessions."
)
SEED = typer.Option(0, min=0, help="Of every draw.")
JSON = typer.Option(False, "--json", help="Print one JSON object as the last line.")


def train_on_sessions(
    train: Annotated[list[Path], TRAIN],
    log_format: Annotated[str, FORMAT],
    out: Annotated[Path, typer.Option(help="Folder to write the model into.")],
    catalog: Annotated[
        Path | None, typer.Option(help="Catalogue of the log: its rows and item space.")
    ] = None,
    seed: int = SEED,
    json: bool = JSON,
) -> None:
    """Train the session recommender by its default recipe and write a model folder."""
    from orjson import dumps

    from models.data.lineage import lineage_of, write_lineage
    from models.sessions.training import train_sessions
    from service.core.errors import Refused

    def say(text: str) -> None:
        typer.echo(text, err=json)

    try:
        report = train_sessions(train, log_format, out, catalog=catalog, seed=seed, say=say)
    except (ValueError, Refused) as error:
        typer.echo(f"segue train sessions: {error}", err=True)
        raise typer.Exit(1) from None
    params, facts = {"format": log_format, "seed": seed}, {"seconds": report["seconds"]}
    write_lineage(
        out, lineage_of("train sessions", inputs=train, outputs=[out], params=params, facts=facts)
    )
    say(f"{out}: trained in {sum(report['seconds'].values()):.0f} s")
    if json:
        typer.echo(dumps(report).decode())


def evaluate_sessions(  # noqa: PLR0913, PLR0917 - the command's options
    train: Annotated[list[Path], TRAIN],
    test: Annotated[list[Path], typer.Option(help="Later log to judge on; may repeat.")],
    log_format: Annotated[str, FORMAT],
    seed: int = SEED,
    baselines: str = typer.Option("", help="`trees`: LightGBM LambdaRank beside the network."),
    model: Annotated[
        Path | None, typer.Option(help="Judge this folder of `segue train sessions`; no training.")
    ] = None,
    json: bool = JSON,
) -> None:
    """Train the session recommender by its default recipe, then judge it on later sessions."""
    from orjson import dumps

    from models.evaluation.runs import record_run
    from models.sessions.evaluate import evaluate_folder, evaluate_logs, read_logs
    from models.sessions.leaks import refuse_leaks, warn_of_leaks
    from service.core.errors import Refused

    def say(text: str) -> None:
        typer.echo(text, err=json)

    try:
        trees = _wants_trees(baselines)
        refuse_leaks(train, test, model)
        if model is None:
            logs = read_logs(train, test, log_format)
            warn_of_leaks(logs.train, logs.test, log_format, say)
            report = evaluate_logs(logs, seed=seed, say=say, trees=trees)
        else:
            report = evaluate_folder(model, train, test, log_format, say=say)
    except (ValueError, Refused) as error:
        typer.echo(f"segue evaluate sessions: {error}", err=True)
        raise typer.Exit(1) from None
    record_run("evaluate sessions", params={"seed": seed}, report=report, inputs=[*train, *test])
    if json:
        typer.echo(dumps(report).decode())


def _wants_trees(baselines: str) -> bool:
    if baselines not in ("", "trees"):
        raise ValueError(f"--baselines {baselines!r}: there is only `trees`; the others always run")
    return baselines == "trees"


def report_sessions(
    reports: Annotated[
        list[str], typer.Argument(metavar="NAME=FILE...", help="What --json printed, by log.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the page and its plots.")],
) -> None:
    """Put reports of logs on one page: stages, slices, and what a stale event costs."""
    from models.sessions.report_page import read_reports, write_page

    try:
        page = write_page(read_reports(reports), out)
    except ValueError as error:
        typer.echo(f"segue evaluate report: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(str(page))
