"""Parquet in pieces: a file larger than memory is read some rows at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

ROWS: Final = 65_536
"""Rows a piece; files written here have row groups of this size, so that each is read once."""


def batches_of(
    path: Path, columns: Sequence[str] | None = None, *, rows: int = ROWS
) -> Iterator[pl.DataFrame]:
    """Yield a Parquet file in order, at most `rows` rows at a time."""
    scan = pl.scan_parquet(path)
    wanted = scan if columns is None else scan.select(columns)
    for begin in range(0, rows_of(path), rows):
        yield wanted.slice(begin, rows).collect()


def rows_of(path: Path) -> int:
    """How many rows a Parquet file has, by its footer."""
    count: int = pl.scan_parquet(path).select(pl.len()).collect().item()
    return count


def rows_in(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a Parquet file row by row, as dictionaries of the columns."""
    for batch in batches_of(path, columns):
        yield from batch.iter_rows(named=True)
