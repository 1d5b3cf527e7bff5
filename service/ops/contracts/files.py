"""The contracts as files: what should be in the folder, and what is different there."""

import json
from pathlib import Path
from typing import Final

from service.ops.contracts.asyncapi import asyncapi
from service.ops.contracts.schemas import all_schemas
from service.ops.contracts.yaml_text import yaml_text

FOLDER: Final = Path(__file__).resolve().parents[2] / "contracts"


def contract_files() -> dict[str, str]:
    """Return every file's text by its path in the folder."""
    schemas = {
        f"schemas/{name}.schema.json": json.dumps(schema, indent=2) + "\n"
        for name, schema in all_schemas().items()
    }
    return {"asyncapi.yaml": yaml_text(asyncapi()), **schemas}


def write_contracts(folder: Path) -> list[str]:
    """Write what is new or different; return those paths."""
    changed = stale_contracts(folder)
    for name in changed:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(contract_files()[name])
    return changed


def stale_contracts(folder: Path) -> list[str]:
    """Return the paths whose text is missing or not what the structs give."""
    return [
        name
        for name, text in contract_files().items()
        if not (folder / name).is_file() or (folder / name).read_text() != text
    ]
