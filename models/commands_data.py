"""`segue data`: from event logs to training sessions."""

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(
    help="Dump, check and fold event logs into training sessions.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Out = Annotated[Path, typer.Option(help="Folder to write to.")]
_JSON = typer.Option(False, "--json", help="Print one JSON object as the last line.")


@data.callback()
def _data() -> None:
    """Dump, check and fold event logs into training sessions."""


@data.command()
def sessions(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Logs, in order of time.")],
    log_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="topic (a dump's folder), parquet, jsonl, or a public log's: 30music, ...",
        ),
    ],
    out: _Out,
    json: bool = _JSON,
) -> None:
    """Fold logs as the service does; write every play, as a Parquet of training sessions."""
    from dataclasses import asdict

    from models.data.check import validated
    from models.data.lineage import lineage_of, write_lineage
    from models.data.rows import PLAYS
    from models.data.sources import files_of, read_entries
    from models.data.training_sessions import buckets_of, write_sessions

    stream = read_entries(logs, log_format)
    account = write_sessions(
        stream, out, buckets=buckets_of(logs), check=lambda frame: validated(frame, "plays")
    )
    record = lineage_of(
        "data sessions",
        inputs=files_of(logs),
        outputs=[out / PLAYS, *sorted(out.glob("dead-*.parquet"))],
        params={"format": log_format},
        facts=asdict(account),
    )
    write_lineage(out, record)
    typer.echo(f"{account.text()}\n{out / PLAYS}", err=json)
    _print_json(asdict(account), json=json)


@data.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Any log or data file.")],
) -> None:
    """Print what is wrong with files, row by row with the reason; exit 1 if anything is."""
    from models.data.check import check_file

    found = 0
    for file in files:
        before = found
        for violation in check_file(file):
            found += 1
            typer.echo(str(violation))
        if found == before:
            typer.echo(f"{file}: nothing wrong")
    if found:
        raise typer.Exit(1)


@data.command()
def dump(out: _Out, json: bool = _JSON) -> None:
    """Copy the events topic to Parquet; a folder that has a part of it is carried on."""
    import asyncio
    from dataclasses import asdict

    from models.data.dump import dump_topic
    from models.data.lineage import lineage_of, write_lineage
    from service.settings import load_settings

    settings = load_settings()
    dumped = asyncio.run(dump_topic(settings.kafka.bootstrap, settings.topics.events, out))
    params = {"topic": settings.topics.events}
    record = lineage_of("data dump", inputs=[], outputs=[out], params=params, facts=asdict(dumped))
    write_lineage(out, record)
    typer.echo(f"{dumped.text()}\n{out}", err=json)
    _print_json(asdict(dumped), json=json)


def _print_json(told: object, *, json: bool) -> None:
    import msgspec

    if json:
        typer.echo(msgspec.json.encode(told).decode())
