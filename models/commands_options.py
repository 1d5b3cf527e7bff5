"""What the commands of `segue models` share: options, the registry of the settings, printing."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.registry.desk import Desk

Name = Annotated[
    str | None, typer.Option("--name", help="The model; SEGUE_REGISTRY__NAME if not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Version = Annotated[str, typer.Argument(help="As `segue models list` shows it.")]


def open_desk(name: str | None, *, create: bool = False) -> "Desk":
    """Open the registry of the settings; `create` makes a local folder that is missing."""
    from models.registry.desk import Desk

    return Desk.open(name, create=create)


def say(shown: object, text: str, *, json: bool) -> None:
    """Print an object for machines, or a text for people."""
    import msgspec

    typer.echo(msgspec.json.encode(shown).decode() if json else text)
