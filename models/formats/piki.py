"""Piki: swipes on song previews (MIT), csv as published.

Columns: id, liked (0 or 1), personalized, song_id, spotify_popularity, timestamp (UTC), user_id.
How long a preview was heard is not in the file.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from models.formats.play import Play, require

COLUMNS = ("user_id", "song_id", "timestamp", "liked")


def read(path: Path) -> Iterator[Play]:
    """Yield swipes in time order."""
    frame = pl.read_csv(path, infer_schema_length=10_000)
    require(path, frame.schema, COLUMNS)
    moment = pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms")
    at_ms = moment.dt.replace_time_zone("UTC").dt.epoch("ms").alias("at_ms")
    frame = frame.with_columns(at_ms).sort("at_ms", "user_id", maintain_order=True)
    for user, song, at, liked in frame.select("user_id", "song_id", "at_ms", "liked").iter_rows():
        yield Play(user=str(user), item=str(song), at_ms=at, liked=1 if liked else -1)
