"""30Music: Last.fm listening sessions (Turrin et al., RecSys 2015), as parquet.

Columns: ts (Unix seconds of the play's start), uid, sid, track_id, playtime_s. The play time is
cut off at the next start and says nothing about skips: it is given as heard at least so long.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from models.formats.play import Play, require

COLUMNS = ("ts", "uid", "sid", "track_id")
PLAYTIME = "playtime_s"


def read(path: Path) -> Iterator[Play]:
    """Yield plays in time order."""
    schema = pl.read_parquet_schema(path)
    require(path, schema, COLUMNS)
    wanted = [*COLUMNS, PLAYTIME] if PLAYTIME in schema else [*COLUMNS]
    frame = pl.read_parquet(path, columns=wanted).sort("ts", "uid", "sid", maintain_order=True)
    for ts, uid, sid, track, *playtime in frame.iter_rows():
        yield Play(
            user=str(uid),
            item=str(track),
            at_ms=1000 * ts,
            session=str(sid),
            heard_at_least_s=_known(*playtime),
        )


def _known(playtime_s: int | None = None) -> float | None:
    """30Music marks an unknown play time by -1."""
    return float(playtime_s) if playtime_s is not None and playtime_s > 0 else None
