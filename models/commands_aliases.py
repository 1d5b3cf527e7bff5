"""The commands of `segue models` that move aliases, tell workers of it, and show who moved what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands_options import Json, Name, Version, open_desk, say

if TYPE_CHECKING:
    from models.registry.desk import Desk
    from service.core.alias_history import Move

_Alias = Annotated[str, typer.Option("--alias", help="champion, challenger or shadow.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; the audit keeps it.")]
_By = Annotated[str | None, typer.Option("--by", help="Who; the user of this machine otherwise.")]
_Quiet = Annotated[bool, typer.Option("--no-announce", help="Do not tell workers over Kafka.")]


def promote(  # noqa: PLR0913, PLR0917 - a command's options
    version: Version,
    alias: _Alias,
    reason: _Reason,
    share: Annotated[
        float | None, typer.Option(help="Users that a challenger serves, 0 to 1; 0.1 if not given.")
    ] = None,
    verdict: Annotated[
        Path | None, typer.Option(help="The gate's verdict; the version's own if not given.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Although gate or workers doubt a champion's scores.")
    ] = False,
    by: _By = None,
    name: Name = None,
    no_announce: _Quiet = False,
    json: Json = False,
) -> None:
    """Let an alias mean this version, and tell the workers."""
    from models.registry.aliases import verdict_on
    from models.registry.desk import alias_of

    desk, moved_alias = open_desk(name), alias_of(alias)
    found = verdict_on(desk.registry.fetch(desk.name, version), verdict)
    if moved_alias == "champion":
        said = "the gate was not asked about this version: `segue evaluate gate`"
        if found is not None:
            said = f"gate, against {found.champion}: {'passed' if found.passed else 'NOT passed'}"
        typer.echo("\n  ".join([said, *(found.reasons if found else ())]), err=True)
    mover = desk.mover(reason, by)
    move = mover.promote(version, moved_alias, share=share, verdict=found, force=force)
    _tell(desk, move, quiet=no_announce, json=json)


def rollback(
    reason: _Reason,
    alias: _Alias = "champion",
    by: _By = None,
    name: Name = None,
    no_announce: _Quiet = False,
    json: Json = False,
) -> None:
    """Undo the newest move that stands, and tell the workers."""
    from models.registry.desk import alias_of

    desk = open_desk(name)
    move = desk.mover(reason, by).roll_back(alias_of(alias))
    _tell(desk, move, quiet=no_announce, json=json)


def withdraw(
    alias: _Alias,
    reason: _Reason,
    by: _By = None,
    name: Name = None,
    no_announce: _Quiet = False,
    json: Json = False,
) -> None:
    """Let challenger or shadow mean nothing, and tell the workers."""
    from models.registry.desk import alias_of

    desk = open_desk(name)
    move = desk.mover(reason, by).withdraw(alias_of(alias))
    _tell(desk, move, quiet=no_announce, json=json)


def announce(name: Name = None, json: Json = False) -> None:
    """Tell the workers again what every alias means; exit code 1 if Kafka is away."""
    from models.registry.announce import standing_moves

    desk = open_desk(name)
    moves = standing_moves(desk.store, desk.name)
    failure = desk.tell(moves) if moves else ""
    told = [move.told() for move in moves]
    text = "\n".join(f"{m.alias}: {m.version or 'nothing'} (move {m.sequence})" for m in told)
    say({"announced": not failure, "moves": told}, text or "no alias was ever moved", json=json)
    if failure:
        typer.echo(f"workers were not told: {failure}", err=True)
        raise typer.Exit(1)


def audit(
    alias: Annotated[str | None, typer.Option("--alias", help="Only of this one.")] = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """List every move of the aliases: when, who, from, to, why."""
    from rich.console import Console

    from models.registry.aliases import audit as read
    from models.registry.desk import alias_of
    from models.registry.telling import audit_table
    from service.core.control import ALIASES

    desk = open_desk(name)
    moves = read(desk.store, desk.name, ALIASES if alias is None else (alias_of(alias),))
    if json:
        say({"name": desk.name, "moves": moves}, "", json=True)
    else:
        Console().print(audit_table(moves))


def _tell(desk: "Desk", move: "Move", *, quiet: bool, json: bool) -> None:
    """Announce a move and say what was done. The alias has moved, whatever Kafka says."""
    from models.registry.telling import moved_text

    failure = "" if quiet else desk.tell([move])
    if failure:
        typer.echo(
            f"the alias moved, but workers were not told: {failure}\n"
            "tell them by `segue models announce`",
            err=True,
        )
    text = moved_text(move) + ("" if quiet or failure else "; workers were told")
    say({"move": move, "announced": not (quiet or failure)}, text, json=json)
