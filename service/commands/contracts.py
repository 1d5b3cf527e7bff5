"""`segue contracts`: the contracts as documents."""

from pathlib import Path

import typer

_OUT = typer.Option(None, "--out", help="Folder to write to; default: the one in the project.")


def contracts(
    out: Path | None = _OUT,
    check: bool = typer.Option(False, "--check", help="Write nothing; fail if a file is stale."),
) -> None:
    """Generate JSON Schemas and the AsyncAPI document from the event and slate structs."""
    from service.ops.contracts.files import (
        FOLDER,
        contract_files,
        stale_contracts,
        write_contracts,
    )

    folder = out or FOLDER
    changed = stale_contracts(folder) if check else write_contracts(folder)
    for name in contract_files():
        verdict = ("stale" if check else "written") if name in changed else "up to date"
        print(f"{verdict:11} {folder / name}")
    if check and changed:
        print("run `segue contracts` and look at the difference")
        raise typer.Exit(1)
