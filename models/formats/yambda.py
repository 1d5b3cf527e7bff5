"""Yandex Yambda (Apache-2.0), the flat parquet files as published.

Columns: uid, timestamp (seconds from the data set's own beginning, in steps of 5), item_id and
is_organic; listens add played_ratio_pct and track_length_seconds; multi_event adds event_type. A
file of likes or dislikes alone has no event_type: its name says what it holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from models.formats.play import Play, require

COLUMNS: Final[tuple[str, ...]] = ("uid", "timestamp", "item_id")
LISTEN: Final[tuple[str, ...]] = ("played_ratio_pct", "track_length_seconds")
VERDICTS: Final = {"like": 1, "dislike": -1, "unlike": 0, "undislike": 0}
FILES: Final = {f"{kind}s": kind for kind in ("listen", *VERDICTS)}


def read(path: Path) -> Iterator[Play]:
    """Yield listens and verdicts in time order; at equal times in the order of the file."""
    schema = pl.read_parquet_schema(path)
    require(path, schema, COLUMNS)
    wanted: list[str] = [name for name in (*COLUMNS, *LISTEN, "event_type") if name in schema]
    frame = pl.read_parquet(path, columns=wanted)
    if "event_type" in schema:
        frame = frame.with_columns(pl.col("event_type").cast(pl.String))
    for row in frame.sort("timestamp", maintain_order=True).iter_rows(named=True):
        yield _play(row, row.get("event_type") or _kind_of_file(path))


def _kind_of_file(path: Path) -> str:
    if path.stem not in FILES:
        known = ", ".join(FILES)
        raise ValueError(f"{path}: no column event_type, and the name is none of {known}")
    return FILES[path.stem]


def _play(row: dict[str, Any], kind: str) -> Play:
    user, item, at_ms = str(row["uid"]), str(row["item_id"]), 1000 * int(row["timestamp"])
    if kind in VERDICTS:
        return Play(user=user, item=item, at_ms=at_ms, heard=False, liked=VERDICTS[kind])
    if kind != "listen":
        raise ValueError(f"event_type {kind!r} is none of listen, {', '.join(VERDICTS)}")
    length, ratio = _number(row, "track_length_seconds"), _number(row, "played_ratio_pct")
    played_s = None if length is None or ratio is None else length * ratio / 100
    return Play(user=user, item=item, at_ms=at_ms, played_s=played_s, duration_s=length or None)


def _number(row: dict[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None else float(value)
