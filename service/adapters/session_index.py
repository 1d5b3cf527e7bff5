"""The index of a session model on disk: an array a file, memory-mapped and shared by workers."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from service.core.errors import Refused
from service.core.retrieval.index import FACT_COLUMNS, LINK_COLUMNS, Limits, SessionIndex

HEAD: Final = "index.json"
KINDS: Final = {
    "vectors": "float32",
    "kind": "uint8",
    "posting_starts": "int64",
    "postings": "int32",
    "play_starts": "int64",
    "plays": "int32",
    "link_starts": "int64",
    "link_items": "int32",
    "links": "uint16",
    "facts": "float32",
    "popular": "int32",
    "centroids": "float32",
    "cluster_starts": "int64",
    "cluster_items": "int32",
    "clusters": "int8",
}
COLUMNS: Final = {"links": len(LINK_COLUMNS), "facts": len(FACT_COLUMNS)}


def write_index(folder: Path, index: SessionIndex, limits: Limits | None = None) -> None:
    """Write the folder, `index.json` last: a folder without it is unfinished.

    `limits` are those that the ranker was trained with: places and absences depend on them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HEAD).unlink(missing_ok=True)
    shapes = {}
    for one in fields(index):
        array = np.ascontiguousarray(getattr(index, one.name), dtype=KINDS[one.name])
        np.save(folder / f"{one.name}.npy", array)
        shapes[one.name] = list(array.shape)
    head = {
        "items": len(index),
        "dim": index.dim,
        "sessions": index.sessions,
        "limits": asdict(limits or Limits()),
        "shapes": shapes,
    }
    (folder / HEAD).write_text(json.dumps(head, indent=1) + "\n")


def read_index(folder: Path) -> SessionIndex:
    """Map the folder's arrays.

    Raises:
        Refused: A file is missing or of another layout, or the arrays do not fit each other.
    """
    try:
        shapes: dict[str, Any] = json.loads((folder / HEAD).read_text())["shapes"]
        arrays = {
            name: _map(folder / f"{name}.npy", kind, shapes[name]) for name, kind in KINDS.items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"no index in {folder} ({error}); train the model again") from error
    index = SessionIndex(**arrays)
    _check(folder, index)
    return index


def read_limits(folder: Path) -> Limits:
    """How much the sources propose, as the ranker was trained.

    Raises:
        Refused: They are missing, or are not whole numbers of things this service limits.
    """
    try:
        told: dict[str, int] = json.loads((folder / HEAD).read_text())["limits"]
        if not all(isinstance(limit, int) and limit > 0 for limit in told.values()):
            raise TypeError(f"limits {told}")
        return Limits(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"no limits in {folder / HEAD} ({error}); train the model again") from error


def _map(path: Path, kind: str, shape: list[int]) -> Any:
    # A plain view of the mapping: numpy's memmap class adds microseconds to every indexing.
    array = np.load(path, mmap_mode="r" if 0 not in shape else None, allow_pickle=False)
    if array.dtype != np.dtype(kind) or list(array.shape) != shape:
        raise Refused(
            f"{path}: {array.dtype}{list(array.shape)}, expected {kind}{shape}; train again"
        )
    return array.view(np.ndarray)


def _check(folder: Path, index: SessionIndex) -> None:
    """Rows that point outside would read other memory in a compiled loop: refuse them here."""
    items, sessions = len(index), index.sessions
    starts = {
        "posting_starts": (items, len(index.postings)),
        "link_starts": (items, len(index.link_items)),
        "play_starts": (sessions, len(index.plays)),
        "cluster_starts": (index.centroids.shape[1], len(index.cluster_items)),
    }
    rows = {
        "postings": sessions,
        "plays": items,
        "link_items": items,
        "popular": items,
        "cluster_items": items,
    }
    wrong = [name for name, (count, end) in starts.items() if not _rises(index, name, count, end)]
    wrong += [name for name, most in rows.items() if not _within(getattr(index, name), most)]
    wrong += [name for name, wide in COLUMNS.items() if getattr(index, name).shape[1:] != (wide,)]
    if len(index.links) != len(index.link_items) or len(index.facts) != items:
        wrong.append("links or facts")
    if len(index.clusters) != len(index.cluster_items) * index.dim:
        wrong.append("clusters")
    if wrong:
        raise Refused(f"{folder}: {', '.join(wrong)} point outside; train the model again")


def _rises(index: SessionIndex, name: str, count: int, end: int) -> bool:
    starts = getattr(index, name)
    whole = len(starts) == count + 1 and starts[0] == 0 and starts[-1] == end
    return bool(whole and (np.diff(starts) >= 0).all())


def _within(rows: Any, most: int) -> bool:
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < most)
