"""`segue evaluate sessions`: the session recommender, trained and judged on a log's files."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate_sessions(
    train: Annotated[list[Path], typer.Option(help="Log to train on; may repeat, in time order.")],
    test: Annotated[list[Path], typer.Option(help="Later log to judge on; may repeat.")],
    log_format: Annotated[
        str, typer.Option("--format", help="lines (a session on each), 30music, yambda or piki.")
    ],
    seed: int = typer.Option(0, min=0, help="Of every draw."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object as the last line."),
) -> None:
    """Train the session recommender by its default recipe, then judge it on later sessions."""
    from orjson import dumps

    from models.sessions.evaluate import evaluate_logs, read_logs

    try:
        logs = read_logs(train, test, log_format)
    except ValueError as error:
        typer.echo(f"segue evaluate sessions: {error}", err=True)
        raise typer.Exit(1) from None
    report = evaluate_logs(logs, seed=seed, say=lambda text: typer.echo(text, err=json))
    if json:
        typer.echo(dumps(report).decode())
