"""What every file of ours and of the public logs must look like: bounds, words, no missing value.

Order and uniqueness go over pieces and are checked in `models.data.check`.
"""

from typing import Final

import pandera.polars as pa
import polars as pl

from models.data.dump_files import DEAD_SCHEMA, RECORD_SCHEMA
from models.data.rows import SCHEMA
from service.core.errors import PoisonKind
from service.core.events import CONTENT_TYPES, ID_PATTERN, TIME_MAX_MS
from service.core.memory import PlayEnd

_ID: Final = pa.Check.str_matches(ID_PATTERN.removesuffix(r"(?!\n)"))  # polars has no look-ahead
_TIME: Final = pa.Check.in_range(0, TIME_MAX_MS)
_COUNT: Final = pa.Check.ge(0)
_HEARD: Final = pa.Check.in_range(0, 0xFFFF)


def _column(
    kind: pl.DataType | type[pl.DataType] | None, *checks: pa.Check, nullable: bool = False
) -> pa.Column:
    return pa.Column(kind, list(checks), nullable=nullable)


PLAYS: Final = pa.DataFrameSchema(
    {
        "user": _column(pl.String, _ID),
        "session": _column(pl.String, pa.Check.str_matches(r"^\d+-\d+$")),
        "number": _column(pl.Int64, _COUNT),
        "event_id": _column(pl.String, _ID),
        "item": _column(pl.String, _ID),
        "content_type": _column(SCHEMA["content_type"], pa.Check.isin(list(CONTENT_TYPES))),
        "artist": _column(pl.String, _ID, nullable=True),
        "at_ms": _column(pl.Int64, _TIME),
        "end": _column(pl.Int8, pa.Check.isin([int(end) for end in PlayEnd])),
        "dwell_s": _column(pl.Int32, _HEARD),
        "duration_s": _column(pl.Float64, _COUNT, nullable=True),
        "liked": _column(pl.Int8, pa.Check.isin([-1, 0, 1])),
        "saved": _column(pl.Int8, pa.Check.isin([0, 1])),
        "slate_version": _column(pl.Int64, _COUNT, nullable=True),
        "slot": _column(pl.Int32, pa.Check.in_range(0, 1000), nullable=True),
        "changes": _column(SCHEMA["changes"]),
    },
    strict=True,
    unique=["user", "number"],
)

EVENTS: Final = pa.DataFrameSchema(
    {
        "partition": _column(pl.Int32, _COUNT),
        "offset": _column(pl.Int64, _COUNT),
        "timestamp_ms": _column(pl.Int64, _TIME),
        "key": _column(pl.Binary),
        "value": _column(pl.Binary),
        "headers": _column(RECORD_SCHEMA["headers"], nullable=True),
    },
    strict=True,  # that (partition, offset) is unique follows from the order, checked over pieces
)

DEAD: Final = pa.DataFrameSchema(
    {
        "source": _column(pl.String),
        "partition": _column(pl.Int32, _COUNT),
        "offset": _column(pl.Int64, _COUNT),
        "timestamp_ms": _column(pl.Int64),
        "key": _column(pl.Binary, nullable=True),
        "value": _column(pl.Binary, nullable=True),
        "kind": _column(pl.String, pa.Check.isin([*PoisonKind, "bad_line"])),
        "reason": _column(pl.String, pa.Check.str_length(min_value=1)),
    },
    strict=True,
)
assert list(DEAD.columns) == list(DEAD_SCHEMA)
assert list(PLAYS.columns) == list(SCHEMA)

THIRTYMUSIC: Final = pa.DataFrameSchema(
    {
        "ts": _column(None, pa.Check.in_range(0, TIME_MAX_MS // 1000)),
        "uid": _column(None),
        "sid": _column(None),
        "track_id": _column(None),
    }
)

YAMBDA: Final = pa.DataFrameSchema(
    {
        "uid": _column(None),
        "timestamp": _column(None, pa.Check.in_range(0, TIME_MAX_MS // 1000)),
        "item_id": _column(None),
    }
)

KUAIRAND: Final = pa.DataFrameSchema(
    {
        "user_id": _column(None),
        "video_id": _column(None),
        "time_ms": _column(None, _TIME),
        "play_time_ms": _column(None, _COUNT),
        "duration_ms": _column(None, _COUNT),
        "label": _column(None, pa.Check.isin([0, 1])),
    }
)

PIKI: Final = pa.DataFrameSchema(
    {
        "user_id": _column(None),
        "song_id": _column(None),
        "timestamp": _column(pl.String, pa.Check.str_matches(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")),
        "liked": _column(None, pa.Check.isin([0, 1])),
    }
)

BY_COLUMN: Final = {
    "plays": PLAYS,
    "events": EVENTS,
    "dead": DEAD,
    "30music": THIRTYMUSIC,
    "yambda": YAMBDA,
    "kuairand": KUAIRAND,
    "piki": PIKI,
}
"""Most telling first: a file is of the first kind all of whose columns it has."""
