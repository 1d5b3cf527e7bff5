"""Training sessions that `segue data sessions` wrote: plays as the service's own fold tells them.

What was only touched or queued is there too, as rows with `heard=False`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from models.data.batches import rows_in
from models.formats.play import Play, require
from service.core.memory import PlayEnd

COLUMNS: Final = (
    "user",
    "session",
    "item",
    "content_type",
    "artist",
    "at_ms",
    "end",
    "dwell_s",
    "duration_s",
    "liked",
)
UNHEARD: Final = (int(PlayEnd.NOTHING), int(PlayEnd.QUEUED))


def read(path: Path) -> Iterator[Play]:
    """Yield plays in time order."""
    require(path, pl.read_parquet_schema(path), COLUMNS)
    for row in rows_in(path, COLUMNS):
        yield _play(row)


def _play(row: dict[str, Any]) -> Play:
    return Play(
        user=row["user"],
        item=row["item"],
        at_ms=row["at_ms"],
        content_type=row["content_type"],
        heard=row["end"] not in UNHEARD,
        played_s=float(row["dwell_s"]),
        duration_s=row["duration_s"],
        liked=row["liked"] or None,
        session=row["session"],
        artist=row["artist"],
        end=row["end"],
    )
