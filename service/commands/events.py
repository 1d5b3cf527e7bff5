"""`segue events`: check, show and send events in files."""

from collections.abc import Iterator

import typer

events = typer.Typer(
    help="Check, show and produce playback events in JSON lines.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FILE = typer.Argument(help="JSON lines, one event a line; - is standard input.")
_ENVELOPE = typer.Option(
    False, "--envelope", help='Lines are {"key", "headers", "value" or "value_base64"}.'
)


@events.command()
def validate(file: str = _FILE, envelope: bool = _ENVELOPE) -> None:
    """Say what the worker would refuse: line, field, what was expected, what is probably meant."""
    import time
    from collections import Counter

    from service.ops.event_lines import check_line

    now_ms, checked, found = time.time_ns() // 1_000_000, 0, Counter[str]()
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        checked += 1
        complaint = check_line(number, line, now_ms=now_ms, enveloped=envelope)
        if complaint:
            found[complaint.kind] += 1
            print(complaint)
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.most_common())
    print(f"{checked} events, {found.total()} bad" + (f": {kinds}" if kinds else ""))
    if not checked:
        print(f"{file}: no events; expected one JSON object a line, try `segue events sample`")
    if found or not checked:
        raise typer.Exit(1)


@events.command()
def sample(
    user: str = typer.Option("sample-user", "--user", help="Whose events they shall be."),
) -> None:
    """Print one valid event of every type."""
    import time

    import msgspec

    from service.ops.samples import sample_events

    for event in sample_events(time.time_ns() // 1_000_000, user):
        print(msgspec.json.encode(event).decode())


@events.command()
def produce(
    file: str = _FILE,
    rate: float = typer.Option(0, "--rate", help="Events a second; 0 is as fast as it goes."),
    envelope: bool = _ENVELOPE,
) -> None:
    """Produce each line as it is, bad ones too; the key is the line's user id, if it has one."""
    import asyncio

    from service.ops.produce import produce_lines
    from service.settings import load_settings

    settings = load_settings()
    work = produce_lines(settings, _lines(file), rate=rate, enveloped=envelope)
    placed = asyncio.run(work)
    where = ", ".join(f"{count} to partition {p}" for p, count in sorted(placed.items()))
    print(f"{placed.total()} records produced to {settings.topics.events}: {where or 'none'}")


def _lines(file: str) -> Iterator[bytes]:
    """Yield lines without their ends. A file that is not there is an error of one line."""
    import sys
    from pathlib import Path

    from service.core.errors import Refused

    if file == "-":
        yield from (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
        return
    try:
        with Path(file).open("rb") as stream:
            yield from (line.rstrip(b"\r\n") for line in stream)
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
