"""`segue models`: the registry's versions and aliases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.registry.desk import Desk
    from service.core.alias_history import Move

models = typer.Typer(
    help="Versions and aliases of trained models.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Name = Annotated[
    str | None, typer.Option("--name", help="The model; SEGUE_REGISTRY__NAME if not given.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Alias = Annotated[str, typer.Option("--alias", help="champion, challenger or shadow.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; the audit keeps it.")]
_By = Annotated[str | None, typer.Option("--by", help="Who; the user of this machine otherwise.")]
_Quiet = Annotated[bool, typer.Option("--no-announce", help="Do not tell workers over Kafka.")]
_Version = Annotated[str, typer.Argument(help="As `segue models list` shows it.")]


@models.callback()
def _models() -> None:
    """Versions and aliases of trained models."""


@models.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes; PATH.pub beside it.")],
    json: _Json = False,
) -> None:
    """Make a key pair: the private one signs what is published, the public one is trusted."""
    from service.adapters.signing import make_key

    made, public = make_key(path)
    _say(
        {"key_id": made, "private": str(path), "public": str(public)},
        f"key {made}: keep {path} to yourself and publish with --key {path};"
        f"\nworkers trust it by SEGUE_REGISTRY__TRUSTED_KEYS={public}",
        json=json,
    )


@models.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Model folder.")],
    key: Annotated[Path | None, typer.Option("--key", help="Private key to sign with.")] = None,
    name: _Name = None,
    json: _Json = False,
) -> None:
    """Put a model folder into the registry as a version that never changes."""
    from dataclasses import asdict

    from models.registry.publish import publish as put
    from service.adapters.signing import read_private_key

    signing = None if key is None else read_private_key(key)
    desk = _desk(name, create=True)
    done = put(folder, desk.store, desk.name, key=signing)
    signed = f"signed by {done.signed_by}" if done.signed_by else "not signed"
    state = "published" if done.is_new else "was there already"
    text = f"{done.name} {done.version} {state}: {done.bytes:,} bytes, {signed}"
    _say(asdict(done), text, json=json)


@models.command("list")
def list_(name: _Name = None, json: _Json = False) -> None:
    """List the versions, oldest first, with the aliases that mean them."""
    from rich.console import Console

    from models.registry.listing import list_versions
    from models.registry.telling import versions_table

    desk = _desk(name)
    rows = list_versions(desk.store, desk.registry, desk.name)
    if json:
        _say({"name": desk.name, "versions": [row.as_json() for row in rows]}, "", json=True)
    elif rows:
        Console().print(versions_table(rows))
    else:
        typer.echo(f"no version of {desk.name} yet; `segue models publish FOLDER`")


@models.command()
def show(version: _Version, name: _Name = None, json: _Json = False) -> None:
    """Print a version's manifest, after checking its signature."""
    from msgspec import to_builtins
    from orjson import OPT_INDENT_2, dumps

    from models.registry.listing import aliases_of

    desk = _desk(name)
    manifest = to_builtins(desk.registry.manifest(desk.name, version))
    shown = {**manifest, "aliases": aliases_of(desk.store, desk.name).get(version, ())}
    _say(shown, dumps(shown, option=OPT_INDENT_2).decode(), json=json)


@models.command()
def card(version: _Version, name: _Name = None) -> None:
    """Print a version's model card, in Markdown."""
    from models.registry.listing import read_document
    from models.registry.publish import CARD

    desk = _desk(name)
    found = read_document(desk.store, desk.registry.manifest(desk.name, version), CARD)
    typer.echo((found or b"").decode(errors="replace"), nl=False)


@models.command()
def promote(  # noqa: PLR0913, PLR0917 - a command's options
    version: _Version,
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
    name: _Name = None,
    no_announce: _Quiet = False,
    json: _Json = False,
) -> None:
    """Let an alias mean this version, and tell the workers."""
    from models.registry.aliases import verdict_on
    from models.registry.desk import alias_of

    desk, moved_alias = _desk(name), alias_of(alias)
    found = verdict_on(desk.registry.fetch(desk.name, version), verdict)
    if moved_alias == "champion":
        said = "the gate was not asked about this version: `segue evaluate gate`"
        if found is not None:
            said = f"gate, against {found.champion}: {'passed' if found.passed else 'NOT passed'}"
        typer.echo("\n  ".join([said, *(found.reasons if found else ())]), err=True)
    mover = desk.mover(reason, by)
    move = mover.promote(version, moved_alias, share=share, verdict=found, force=force)
    _tell(desk, move, quiet=no_announce, json=json)


@models.command()
def rollback(
    reason: _Reason,
    alias: _Alias = "champion",
    by: _By = None,
    name: _Name = None,
    no_announce: _Quiet = False,
    json: _Json = False,
) -> None:
    """Undo the newest move that stands, and tell the workers."""
    from models.registry.desk import alias_of

    desk = _desk(name)
    move = desk.mover(reason, by).roll_back(alias_of(alias))
    _tell(desk, move, quiet=no_announce, json=json)


@models.command()
def withdraw(
    alias: _Alias,
    reason: _Reason,
    by: _By = None,
    name: _Name = None,
    no_announce: _Quiet = False,
    json: _Json = False,
) -> None:
    """Let challenger or shadow mean nothing, and tell the workers."""
    from models.registry.desk import alias_of

    desk = _desk(name)
    move = desk.mover(reason, by).withdraw(alias_of(alias))
    _tell(desk, move, quiet=no_announce, json=json)


@models.command()
def announce(name: _Name = None, json: _Json = False) -> None:
    """Tell the workers again what every alias means; exit code 1 if Kafka is away."""
    from models.registry.announce import standing_moves

    desk = _desk(name)
    moves = standing_moves(desk.store, desk.name)
    failure = desk.tell(moves) if moves else ""
    told = [move.told() for move in moves]
    text = "\n".join(f"{m.alias}: {m.version or 'nothing'} (move {m.sequence})" for m in told)
    _say({"announced": not failure, "moves": told}, text or "no alias was ever moved", json=json)
    if failure:
        typer.echo(f"workers were not told: {failure}", err=True)
        raise typer.Exit(1)


@models.command()
def audit(
    alias: Annotated[str | None, typer.Option("--alias", help="Only of this one.")] = None,
    name: _Name = None,
    json: _Json = False,
) -> None:
    """List every move of the aliases: when, who, from, to, why."""
    from rich.console import Console

    from models.registry.aliases import audit as read
    from models.registry.desk import alias_of
    from models.registry.telling import audit_table
    from service.core.control import ALIASES

    desk = _desk(name)
    moves = read(desk.store, desk.name, ALIASES if alias is None else (alias_of(alias),))
    if json:
        _say({"name": desk.name, "moves": moves}, "", json=True)
    else:
        Console().print(audit_table(moves))


@models.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
    name: _Name = None,
    json: _Json = False,
) -> None:
    """Compare two versions: facts, features, metrics, bytes, lineage."""
    from rich.console import Console

    from models.registry.difference import diff as compare
    from models.registry.telling import difference_tables

    desk = _desk(name)
    found = compare(desk.store, desk.registry, desk.name, before, after)
    if json:
        _say(found.as_json(), "", json=True)
        return
    tables = difference_tables(found)
    for table in tables:
        Console().print(table)
    if not tables:
        typer.echo("no difference")


@models.command("export-mlflow")
def export_mlflow(
    version: _Version,
    uri: Annotated[str, typer.Option("--uri", help="Tracking URI: http://..., or a folder.")],
    name: _Name = None,
    json: _Json = False,
) -> None:
    """Log a version as an MLflow run: files, metrics, parameters."""
    from models.registry.mlflow_export import export_mlflow as export

    desk = _desk(name)
    folder = desk.registry.fetch(desk.name, version)
    run = export(folder, desk.registry.manifest(desk.name, version), uri)
    _say({"run_id": run, "uri": uri}, f"{desk.name} {version} is run {run} at {uri}", json=json)


@models.command()
def compress(
    folder: Annotated[Path, typer.Argument(help="Model folder; stays as it is.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the smaller model.")],
    int8: Annotated[bool, typer.Option("--int8", help="Products of 8-bit integers.")] = False,
    prune: Annotated[float, typer.Option(help="Share of weights to set to zero.")] = 0.0,
    holdout: Annotated[
        Path | None, typer.Option(help="Labelled examples: `segue evaluate gate --save-set FILE`.")
    ] = None,
    json: _Json = False,
) -> None:
    """Make a model smaller, and measure what that costs in quality and gains in time."""
    from models.compress import Compression
    from models.compress import compress as make
    from models.compress_report import text_of

    report = make(folder, out, Compression(int8=int8, prune=prune), holdout)
    _say(report, text_of(report), json=json)


def _desk(name: str | None, *, create: bool = False) -> "Desk":
    from models.registry.desk import Desk

    return Desk.open(name, create=create)


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
    _say({"move": move, "announced": not (quiet or failure)}, text, json=json)


def _say(shown: object, text: str, *, json: bool) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(shown).decode() if json else text)
