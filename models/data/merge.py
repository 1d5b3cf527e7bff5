"""Sorted Parquet parts merged, with one piece of each part in memory at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from models.data.batches import batches_of

HELD_ROWS: Final = 262_144
"""In memory, over all parts."""
PIECE_ROWS_MIN: Final = 256


def piece_rows(parts: int) -> int:
    """Rows of one part to hold at a time; parts are best written in row groups of this size."""
    return max(HELD_ROWS // max(parts, 1), PIECE_ROWS_MIN)


def merge_sorted(
    parts: Sequence[Path], order: Sequence[str], *, piece: int
) -> Iterator[pl.DataFrame]:
    """Yield the rows of all parts in ascending order; each part is in that order by itself.

    What is held is given out up to the lowest of the parts' newest rows: whatever is still on disk
    comes after it. That part is then used up, so that every round reads on.
    """
    sources = {part: batches_of(part, rows=piece) for part in parts}
    held: dict[Path, pl.DataFrame] = {}
    while True:
        _refill(sources, held)
        if not held:
            return
        last = min(frame.select(order).row(-1) for frame in held.values())
        until = _at_most(order, last)
        done = pl.concat([frame.filter(until) for frame in held.values()])
        left = {part: frame.filter(~until) for part, frame in held.items()}
        held = {part: frame for part, frame in left.items() if len(frame)}
        yield done.sort(order)


def _refill(sources: dict[Path, Iterator[pl.DataFrame]], held: dict[Path, pl.DataFrame]) -> None:
    for part in [part for part in sources if part not in held]:
        frame = next(sources[part], None)
        if frame is None:
            del sources[part]
        else:
            held[part] = frame


def _at_most(order: Sequence[str], last: tuple[Any, ...]) -> pl.Expr:
    """Rows that are not after `last`, compared column by column."""
    until: pl.Expr = pl.col(order[-1]) <= last[-1]
    for name, value in reversed(list(zip(order[:-1], last[:-1], strict=True))):
        until = (pl.col(name) < value) | ((pl.col(name) == value) & until)
    return until
