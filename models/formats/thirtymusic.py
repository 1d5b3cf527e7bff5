"""30Music: Last.fm listening sessions (Turrin et al., RecSys 2015), as parquet.

Columns: ts (Unix seconds of the play's start), uid, sid, track_id, playtime_s. The play time is
cut off at the next start and says nothing about skips: it is not given as time heard.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from models.formats.play import Play, require

COLUMNS = ("ts", "uid", "sid", "track_id")


def read(path: Path) -> Iterator[Play]:
    """Yield plays in time order."""
    require(path, pl.read_parquet_schema(path), COLUMNS)
    frame = pl.read_parquet(path, columns=list(COLUMNS)).sort(
        "ts", "uid", "sid", maintain_order=True
    )
    for ts, uid, sid, track in frame.iter_rows():
        yield Play(user=str(uid), item=str(track), at_ms=1000 * ts, session=str(sid))
