"""`segue catalog`: catalogue folders."""

from pathlib import Path
from typing import Annotated

import typer

catalog = typer.Typer(
    help="Build catalogue folders.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@catalog.callback()
def _catalog() -> None:
    """Build catalogue folders."""


@catalog.command()
def build(
    log: Path,
    log_format: Annotated[
        str, typer.Option("--format", help="30music, nowplaying, kuairand, yambda or piki.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    train_share: float = typer.Option(
        1.0, min=0.01, max=1.0, help="Share of the log, in order of time, to learn vectors from."
    ),
) -> None:
    """Build a catalogue from a log's own plays: items, popularity, vectors, neighbours."""
    from models.catalogs import build_log_catalog

    try:
        table = build_log_catalog(log, log_format, out, train_share=train_share)
    except ValueError as error:
        typer.echo(f"segue catalog build: {error}", err=True)
        raise typer.Exit(1) from None
    known = int((abs(table.vectors).sum(axis=1) > 0).sum())
    typer.echo(f"{out}: {len(table)} items, {known} with a vector")
