"""`segue dead-letters`: what was refused, why, and sending it again."""

import typer

dead_letters = typer.Typer(
    help="List, show and replay records that were refused.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_KIND = typer.Option(None, "--kind", help="Only letters of this kind, for example broken_json.")
_JSON = typer.Option(False, "--json", help="Print one JSON object.")


@dead_letters.command()
def ls(
    kind: str | None = _KIND,
    limit: int = typer.Option(20, "--limit", min=0, help="How many of the newest to show."),
    json: bool = _JSON,
) -> None:
    """Count letters by kind and list the newest."""
    import asyncio
    import time

    from orjson import dumps
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from service.ops.dead_letters import age, as_row, list_letters
    from service.ops.letter_book import facts_of
    from service.ops.printable import printable
    from service.settings import load_settings

    listing = asyncio.run(list_letters(load_settings(), kind=kind, newest_max=limit))
    if json:
        rows = [as_row(record) for record in listing.newest]
        print(dumps({"by_kind": dict(listing.by_kind), "newest": rows}).decode())
        return
    table = Table("letter", "kind", "where", "age", "message")
    for record in reversed(listing.newest):
        facts = facts_of(record)
        where = f"{facts.get('topic')}[{facts.get('partition')}]@{facts.get('offset')}"
        table.add_row(
            f"{record.partition}@{record.offset}",
            escape(printable(facts.get("kind", "?"))),
            escape(printable(where)),
            age(record, time.time_ns() // 1_000_000),
            escape(printable(facts.get("message", ""), 160)),
        )
    for name, count in listing.by_kind.most_common():
        print(f"{count:8} {printable(name)}")
    print(f"{listing.by_kind.total():8} in all")
    if listing.newest:
        Console().print(table)


@dead_letters.command()
def show(place: str = typer.Argument(help="PARTITION@OFFSET, as `ls` shows it.")) -> None:
    """Print one letter: why, where from, headers and payload, with odd bytes escaped."""
    import asyncio

    from service.ops.dead_letters import describe, find_letter
    from service.settings import load_settings

    for name, text in describe(asyncio.run(find_letter(load_settings(), place))):
        print(f"{name:22} {text}")


@dead_letters.command()
def replay(
    place: str | None = typer.Argument(None, help="Only this letter: PARTITION@OFFSET."),
    kind: str | None = _KIND,
    yes: bool = typer.Option(False, "--yes", help="Do it; without this, only say what would be."),
) -> None:
    """Send payloads again to the topics they came from, with their keys and own headers."""
    import asyncio

    from service.ops import dead_letters as letters
    from service.settings import load_settings

    work = letters.replay(load_settings(), kind=kind, place=place, send=yes)
    done = asyncio.run(work)
    what = ", ".join(f"{count} {name}" for name, count in done.sent.most_common()) or "nothing"
    print(f"sent again: {what}" if yes else f"would send again: {what}; say --yes to do it")
    if done.cut:
        print(f"not sent: {done.cut} oversized, whose payloads were cut")
    if done.foreign:
        print(f"not sent: {done.foreign} that do not say where they came from")
