"""`segue tail`: watch a topic."""

import enum

import typer


class What(enum.StrEnum):
    """Topics that can be watched."""

    slates = "slates"
    events = "events"
    outcomes = "outcomes"
    dead_letters = "dead-letters"


_WHAT = typer.Argument(help="Which topic.")


def tail(
    what: What = _WHAT,
    user: str | None = typer.Option(None, "--user", help="Only this user's records."),
    from_start: bool = typer.Option(False, "--from-start", help="Begin with what is there."),
    json: bool = typer.Option(False, "--json", help="One JSON object a record."),
    count: int = typer.Option(0, "--count", min=0, help="Stop after this many lines; 0 is never."),
) -> None:
    """Print one line for each record as it arrives, until Ctrl-C."""
    import asyncio
    from contextlib import aclosing, suppress

    from service.ops.tail import tail as lines
    from service.settings import load_settings

    async def watch() -> None:
        stream = lines(load_settings(), what.value, user=user, from_start=from_start, as_json=json)
        printed = 0
        async with aclosing(stream):
            async for line in stream:
                print(line, flush=True)
                printed += 1
                if printed == count:
                    return

    with suppress(KeyboardInterrupt):
        asyncio.run(watch())
