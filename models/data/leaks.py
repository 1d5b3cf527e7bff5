"""Ways in which a test tells training what it should foretell. Each function names what it found.

`refuse` raises for what makes figures worthless; `warnings_of` is for what may be meant.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.lineage import input_hashes, sha256_of
from service.core.errors import Refused

Ids = Collection[str]
_SHOWN = 3


def overlapping(train: Ids, test: Ids, what: str) -> list[str]:
    """Ids (of sessions or of events) that are in both parts."""
    both = sorted(set(train) & set(test))
    return [f"{len(both)} {what} are in both parts: {_some(both)}"] if both else []


def begins_too_early(
    train_begins_ms: NDArray[np.int64], test_begins_ms: NDArray[np.int64]
) -> list[str]:
    """Test sessions that begin before the last training session does."""
    if not len(train_begins_ms):
        return []
    last = int(train_begins_ms.max())
    early = int((test_begins_ms < last).sum())
    if not early:
        return []
    return [
        f"{early} of {len(test_begins_ms)} test sessions begin before the last training"
        f" session (at_ms {last}): training has seen their time"
    ]


def targets_in_inputs(
    targets: Sequence[tuple[str, int]], inputs: Iterable[Sequence[tuple[str, int]]]
) -> list[str]:
    """Predictions whose own play is among the plays they are made from.

    A play is (listener, number): the same item heard again is another play, and no leak.
    """
    bad = [
        place
        for place, (one, given) in enumerate(zip(targets, inputs, strict=True))
        if one in given
    ]
    return [f"{len(bad)} predictions see their own target: {_some(bad)}"] if bad else []


def futures_in_inputs(rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> list[str]:
    """Rows of a listener's window that are, or were changed, after the play they foretell.

    Args:
        rows: What the window of a prediction was built from, one row for each.
        numbers: The number of the event that each prediction foretells.
    """
    bad = [
        place
        for place, (row, number) in enumerate(zip(rows, numbers, strict=True))
        if row["number"] >= number or any(c["number"] >= number for c in row["changes"])
    ]
    return [f"{len(bad)} inputs are of the future: rows {_some(bad)}"] if bad else []


def counted_from_test(popularity: NDArray[np.float64], train_items: NDArray[np.int64]) -> list[str]:
    """Items with a popularity (or a vector's norm) that training never saw."""
    known = np.zeros(len(popularity), dtype=bool)
    known[train_items[train_items >= 0]] = True
    bad = np.flatnonzero((popularity > 0) & ~known)
    if not len(bad):
        return []
    return [f"{len(bad)} items that training lacks have figures: rows {_some(bad.tolist())}"]


def made_from_test(lineage: Mapping[str, Any], test: Iterable[Path]) -> list[str]:
    """Test files that are among the inputs of an artefact (vectors, index, model)."""
    inputs = input_hashes(lineage)
    bad = [path.name for path in test if sha256_of(path) in inputs]
    return [f"it was made from the test part: {', '.join(bad)}"] if bad else []


def same_files(train: Iterable[Path], test: Iterable[Path]) -> list[str]:
    """Test files whose bytes are those of a training file."""
    known = {sha256_of(path): path.name for path in train if path.is_file()}
    found = [
        (known[digest], path.name)
        for path in test
        if path.is_file() and (digest := sha256_of(path)) in known
    ]
    return [f"test file {mine} is training file {theirs}" for theirs, mine in found]


def refuse(found: Sequence[str]) -> None:
    """Stop on a leak.

    Raises:
        Refused: There is one.
    """
    if found:
        raise Refused("the test leaks into training: " + "; ".join(found))


def _some(found: Sequence[object]) -> str:
    more = ", ..." if len(found) > _SHOWN else ""
    return ", ".join(map(str, found[:_SHOWN])) + more
