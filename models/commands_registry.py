"""`segue models`: the registry's versions and aliases."""

from pathlib import Path
from typing import Annotated

import typer

from models import commands_aliases
from models.commands_options import Json, Name, Version, open_desk, say

models = typer.Typer(
    help="Versions and aliases of trained models.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@models.callback()
def _models() -> None:
    """Versions and aliases of trained models."""


for command in (
    commands_aliases.promote,
    commands_aliases.rollback,
    commands_aliases.withdraw,
    commands_aliases.audit,
    commands_aliases.announce,
):
    models.command()(command)


@models.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes; PATH.pub beside it.")],
    json: Json = False,
) -> None:
    """Make a key pair: the private one signs what is published, the public one is trusted."""
    from service.adapters.signing import make_key

    made, public = make_key(path)
    say(
        {"key_id": made, "private": str(path), "public": str(public)},
        f"key {made}: keep {path} to yourself and publish with --key {path};"
        f"\nworkers trust it by SEGUE_REGISTRY__TRUSTED_KEYS={public}",
        json=json,
    )


@models.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Model folder.")],
    key: Annotated[Path | None, typer.Option("--key", help="Private key to sign with.")] = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Put a model folder into the registry as a version that never changes."""
    from dataclasses import asdict

    from models.registry.publish import publish as put
    from service.adapters.signing import read_private_key

    signing = None if key is None else read_private_key(key)
    desk = open_desk(name, create=True)
    done = put(folder, desk.store, desk.name, key=signing)
    signed = f"signed by {done.signed_by}" if done.signed_by else "not signed"
    state = "published" if done.is_new else "was there already"
    text = f"{done.name} {done.version} {state}: {done.bytes:,} bytes, {signed}"
    say(asdict(done), text, json=json)


@models.command("list")
def list_(name: Name = None, json: Json = False) -> None:
    """List the versions, oldest first, with the aliases that mean them."""
    from rich.console import Console

    from models.registry.listing import list_versions
    from models.registry.telling import versions_table

    desk = open_desk(name)
    rows = list_versions(desk.store, desk.registry, desk.name)
    if json:
        say({"name": desk.name, "versions": [row.as_json() for row in rows]}, "", json=True)
    elif rows:
        Console().print(versions_table(rows))
    else:
        typer.echo(f"no version of {desk.name} yet; `segue models publish FOLDER`")


@models.command()
def show(version: Version, name: Name = None, json: Json = False) -> None:
    """Print a version's manifest, after checking its signature."""
    from msgspec import to_builtins
    from orjson import OPT_INDENT_2, dumps

    from models.registry.listing import aliases_of

    desk = open_desk(name)
    manifest = to_builtins(desk.registry.manifest(desk.name, version))
    shown = {**manifest, "aliases": aliases_of(desk.store, desk.name).get(version, ())}
    say(shown, dumps(shown, option=OPT_INDENT_2).decode(), json=json)


@models.command()
def card(version: Version, name: Name = None) -> None:
    """Print a version's model card, in Markdown."""
    from models.registry.listing import read_document
    from models.registry.publish import CARD

    desk = open_desk(name)
    found = read_document(desk.store, desk.registry.manifest(desk.name, version), CARD)
    typer.echo((found or b"").decode(errors="replace"), nl=False)


@models.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
    name: Name = None,
    json: Json = False,
) -> None:
    """Compare two versions: facts, features, metrics, bytes, lineage."""
    from rich.console import Console

    from models.registry.difference import diff as compare
    from models.registry.telling import difference_tables

    desk = open_desk(name)
    found = compare(desk.store, desk.registry, desk.name, before, after)
    if json:
        say(found.as_json(), "", json=True)
        return
    tables = difference_tables(found)
    for table in tables:
        Console().print(table)
    if not tables:
        typer.echo("no difference")


@models.command("export-mlflow")
def export_mlflow(
    version: Version,
    uri: Annotated[str, typer.Option("--uri", help="Tracking URI: http://..., or a folder.")],
    name: Name = None,
    json: Json = False,
) -> None:
    """Log a version as an MLflow run: files, metrics, parameters."""
    from models.registry.mlflow_export import export_mlflow as export

    desk = open_desk(name)
    folder = desk.registry.fetch(desk.name, version)
    run = export(folder, desk.registry.manifest(desk.name, version), uri)
    say({"run_id": run, "uri": uri}, f"{desk.name} {version} is run {run} at {uri}", json=json)


@models.command()
def compress(
    folder: Annotated[Path, typer.Argument(help="Model folder; stays as it is.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the smaller model.")],
    int8: Annotated[bool, typer.Option("--int8", help="Products of 8-bit integers.")] = False,
    prune: Annotated[float, typer.Option(help="Share of weights to set to zero.")] = 0.0,
    holdout: Annotated[
        Path | None, typer.Option(help="Labelled examples: `segue evaluate gate --save-set FILE`.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a model smaller, and measure what that costs in quality and gains in time."""
    from models.compress import Compression
    from models.compress import compress as make
    from models.compress_report import text_of

    report = make(folder, out, Compression(int8=int8, prune=prune), holdout)
    say(report, text_of(report), json=json)
