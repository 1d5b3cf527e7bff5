"""The catalogue folder: one file per column, memory-mapped, shared between workers of a machine."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from service.core.errors import Refused
from service.core.items import ATTRIBUTES, NEIGHBOURS, ItemTable, Names

COLUMNS: Final = {
    "content_type": np.uint8,
    "artist": np.int32,
    "series": np.int32,
    "ordinal": np.int32,
    "duration_s": np.int32,
    "released_day": np.int32,
    "popularity": np.float32,
    "explicit": np.uint8,
    "language": np.uint8,
    "attributes": np.float32,
    "vectors": np.float32,
    "neighbours": np.int32,
}
LISTS: Final = ("ids", "artist_ids", "series_ids")
NAMES: Final = ("titles", "artist_names", "series_names")
COUNTED_BY: Final = {
    "ids": "items",
    "titles": "items",
    "artist_ids": "artists",
    "artist_names": "artists",
    "series_ids": "series",
    "series_names": "series",
}
HEAD: Final = {
    *("name", "item_space", "items", "dim", "artists", "series"),
    *("attributes", "languages", "built_from"),
}


@dataclass(frozen=True)
class Catalog:
    """A catalogue as read from its folder."""

    table: ItemTable
    names: Names
    built_from: str


def write_catalog(folder: Path, table: ItemTable, names: Names, *, built_from: str) -> None:
    """Write the folder, `catalog.json` last: a folder without it is unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.json").unlink(missing_ok=True)
    for name, kind in COLUMNS.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(getattr(table, name), dtype=kind))
    for name in LISTS:
        _write_lines(folder / f"{name}.txt", getattr(table, name))
    for name in NAMES:
        _write_lines(folder / f"{name}.txt", getattr(names, name))
    head = {
        "name": table.name,
        "item_space": table.item_space,
        "items": len(table),
        "dim": int(table.vectors.shape[1]),
        "artists": len(table.artist_ids),
        "series": len(table.series_ids),
        "attributes": list(ATTRIBUTES),
        "languages": list(names.languages),
        "built_from": built_from,
    }
    (folder / "catalog.json").write_text(json.dumps(head, indent=1) + "\n")


def read_catalog(folder: Path) -> Catalog:
    """Map the folder's columns.

    Raises:
        Refused: The folder is missing, unfinished or of another layout; the message says what to
        do.
    """
    head = _head(folder)
    widths = {"attributes": len(ATTRIBUTES), "vectors": head["dim"], "neighbours": NEIGHBOURS}
    columns: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        width = (widths[name],) if name in widths else ()
        columns[name] = _column(folder, name, kind, (head["items"], *width))
    lists: dict[str, Any] = {name: _lines(folder, name, head) for name in LISTS}
    table = ItemTable(head["name"], head["item_space"], **lists, **columns)
    called: dict[str, Any] = {name: _lines(folder, name, head) for name in NAMES}
    names = Names(**called, languages=head["languages"])
    return Catalog(table, names, head["built_from"])


def _head(folder: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads((folder / "catalog.json").read_text())
    except (OSError, ValueError) as error:
        raise Refused(
            f"no catalogue in {folder} ({error}); build one with `segue catalog build`"
        ) from error
    missing = HEAD - head.keys() if isinstance(head, dict) else HEAD
    if missing:
        raise Refused(
            f"{folder}/catalog.json does not say {', '.join(sorted(missing))}; build it again"
        )
    if not head["items"]:
        raise Refused(f"{folder}: a catalogue of no items; there is nothing to rank")
    if head["attributes"] != list(ATTRIBUTES):
        raise Refused(
            f"{folder}: attributes {head['attributes']}, this service reads {list(ATTRIBUTES)};"
            " build it again"
        )
    return head


def _column(folder: Path, name: str, kind: type, shape: tuple[int, ...]) -> Any:
    path = folder / f"{name}.npy"
    try:
        # A plain view of the mapping: numpy's memmap class adds 10 us to every indexing.
        column = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {error}; build the catalogue again") from error
    if column.dtype != np.dtype(kind) or column.shape != shape:
        raise Refused(
            f"{path}: {column.dtype}{list(column.shape)}, expected"
            f" {np.dtype(kind)}{list(shape)}; build it again"
        )
    return column


def _lines(folder: Path, name: str, head: dict[str, Any]) -> list[str]:
    """Read a list; one of names may be empty, when nobody knows what things are called."""
    lines = _read_lines(folder / f"{name}.txt")
    expected = head[COUNTED_BY[name]]
    if len(lines) != expected and (lines or name in LISTS):
        raise Refused(
            f"{folder}/{name}.txt has {len(lines)} lines, catalog.json says {expected};"
            " build it again"
        )
    return lines


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    assert not any("\n" in line for line in lines), f"{path}: a line break inside a name"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _read_lines(path: Path) -> list[str]:
    try:
        # Bytes: text mode would take a carriage return inside a title for the end of a line.
        return path.read_bytes().decode().split("\n")[:-1]
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: {error}; build the catalogue again") from error
