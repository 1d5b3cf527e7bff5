"""Rows to Parquet files, a chunk at a time: nothing is held but the chunk under way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

CHUNK_ROWS: Final = 65_536
CHUNK_BYTES: Final = 64 * 1024 * 1024


class Chunks:
    """Collects rows and writes `PREFIX-00000.parquet`, ... into a folder; each is whole or absent.

    Files that are there already stay; numbers go on after them.
    """

    def __init__(
        self, folder: Path, prefix: str, schema: pl.Schema, *, rows: int = CHUNK_ROWS
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._prefix, self._schema, self._rows_max = folder, prefix, schema, rows
        self.next = 1 + max(map(_number, chunk_files(folder, prefix)), default=-1)
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self.written = 0

    def add(self, row: Mapping[str, Any], size_bytes: int = 0) -> None:
        """Add a row; write the chunk when it is full."""
        self.hold(row, size_bytes)
        if self.is_full:
            self.flush()

    def hold(self, row: Mapping[str, Any], size_bytes: int = 0) -> None:
        """Add a row; the caller writes the chunk."""
        self._rows.append(row)
        self._bytes += size_bytes

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return len(self._rows) >= self._rows_max or self._bytes >= CHUNK_BYTES

    def flush(self) -> None:
        """Write what is collected."""
        if not self._rows:
            return
        path = self._folder / f"{self._prefix}-{self.next:05d}.parquet"
        unfinished = path.with_suffix(".part")
        pl.DataFrame(self._rows, schema=self._schema).write_parquet(unfinished)
        unfinished.replace(path)
        self.next += 1
        self.written += len(self._rows)
        self._rows, self._bytes = [], 0


def chunk_files(folder: Path, prefix: str) -> list[Path]:
    """The chunks of a folder, in order."""
    return sorted(folder.glob(f"{prefix}-*.parquet"), key=_number)


def drop_chunks(folder: Path, prefix: str, begin: int) -> None:
    """Delete the chunks from number `begin` on."""
    for path in chunk_files(folder, prefix):
        if _number(path) >= begin:
            path.unlink()


def _number(path: Path) -> int:
    return int(path.stem.rsplit("-", 1)[1])


def as_row(struct: msgspec.Struct) -> dict[str, Any]:
    """A flat struct as a row; its bytes stay bytes."""
    return msgspec.structs.asdict(struct)
