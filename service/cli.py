"""The command line's root: finds sub-commands by entry point and loads the one that is named.

It knows no command. A command is an entry point of the group `segue.commands`: a function is one
command, a `typer.Typer` is a family of them. `segue --help` loads all (for their one-line helps),
so their modules import only the standard library and typer at the top.
"""

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup

from service.core.errors import SegueError

GROUP: Final = "segue.commands"
_BROKEN: Final = (ImportError, AttributeError, SyntaxError)


class LazyGroup(TyperGroup):
    """A group whose commands are entry points, imported when asked for."""

    @cached_property
    def _found(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Name every command, without importing any."""
        return sorted(self._found)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Import one command.

        A module that does not load must not take `--help` down with it, but a call of its command
        must fail, so it is replaced by a command that says what is wrong.
        """
        point = self._found.get(cmd_name)
        if point is None:
            return None
        try:
            return as_command(cmd_name, point.load())
        except _BROKEN as error:
            return as_command(cmd_name, _failing(point, error))


def as_command(name: str, target: Any) -> Any:
    """Turn an entry point's object into a command: a Typer is a family, a function one command."""
    if isinstance(target, typer.Typer):
        family = typer.main.get_group(target)
        family.name = name
        return family
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(target)
    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `segue`. An expected failure is one line on stderr and exit code 1."""
    root = LazyGroup(
        name="segue",
        help="Steer a listening session while it happens: playback events in, slates out.",
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    if not entry_points(group=GROUP):
        sys.exit("segue: no commands found: install the project first, `python3 -m service`")
    try:
        root.main(args=None if arguments is None else list(arguments), prog_name="segue")
    except SegueError as error:
        text = str(error)
        sys.exit(f"segue:\n{text}" if "\n" in text else f"segue: {text}")


def _failing(point: EntryPoint, error: Exception) -> Callable[[], None]:
    def broken() -> None:
        sys.exit(f"segue {point.name}: cannot load {point.value}: {error}")

    broken.__doc__ = f"(does not load: {error})"
    return broken


if __name__ == "__main__":
    main()
