"""`segue doctor`: is everything in place?"""

import typer


def doctor(
    json: bool = typer.Option(False, "--json", help="Print one JSON object instead of a table."),
) -> None:
    """Check machine, Kafka by every advertised listener, topics, lag, Redis, model, catalogue."""
    import asyncio

    from orjson import dumps
    from rich.console import Console

    from service.ops.doctor.check import all_pass, as_json, as_table
    from service.ops.doctor.run import examine
    from service.settings import load_settings

    checks = asyncio.run(examine(load_settings()))
    if json:
        print(dumps(as_json(checks)).decode())
    else:
        Console().print(as_table(checks))
    if not all_pass(checks):
        raise typer.Exit(1)
