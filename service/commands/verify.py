"""`segue verify`: is everything accounted for?"""

import typer


def verify(
    json: bool = typer.Option(False, "--json", help="Print one JSON object instead of a table."),
    until_drained: float = typer.Option(
        0, "--until-drained", help="First wait up to this many seconds until all is committed."
    ),
    timeout: float = typer.Option(600, "--timeout", help="Give up after this many seconds."),
) -> None:
    """Fold the whole log again and compare states, slates, dead letters and commits with it."""
    import asyncio

    from orjson import dumps
    from rich.console import Console

    from service.ops.verify import verify as read_everything
    from service.ops.verify_report import as_json, as_table, is_sound
    from service.settings import load_settings

    work = read_everything(load_settings(), until_drained_s=until_drained, timeout_s=timeout)
    ledger = asyncio.run(work)
    if json:
        print(dumps(as_json(ledger)).decode())
    else:
        Console().print(as_table(ledger))
    if not is_sound(ledger):
        raise typer.Exit(1)
