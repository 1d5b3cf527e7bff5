"""KuaiRand's likes and hates on short videos, tab-separated.

Columns used: user_id, video_id, time_ms, play_time_ms, duration_ms (0 is unknown), label (1 like, 0
hate). Times are when the exposure began.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from models.formats.play import Play, require

COLUMNS = ("user_id", "video_id", "time_ms", "play_time_ms", "duration_ms", "label")


def read(path: Path) -> Iterator[Play]:
    """Yield plays in time order."""
    frame = pl.read_csv(path, separator="\t", infer_schema_length=10_000)
    require(path, frame.schema, COLUMNS)
    frame = frame.select(COLUMNS).sort("time_ms", "user_id", maintain_order=True)
    for user, video, at_ms, played_ms, duration_ms, label in frame.iter_rows():
        yield Play(
            user=str(user),
            item=str(video),
            at_ms=at_ms,
            content_type="video",
            played_s=played_ms / 1000,
            duration_s=duration_ms / 1000 if duration_ms else None,
            liked=1 if label else -1,
        )
