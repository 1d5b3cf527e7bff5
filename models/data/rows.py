"""The training sessions' file: one row for each entry that a listener's ring ever held.

A row says what became of the play in the end. What the service knew of it before, at any moment,
follows from `number` and `changes`: the row exists from the listener's event `number` on, and each
change gives the entry as it was from its own number on. So every window that the service saw can
be rebuilt from rows alone (see `models.data.windows`), and nothing later leaks into it.

Rows are in order of time, over all listeners; a listener's ring is in order of `number`, which
differs where an event came late. Of a listener who was deleted, only what came after is there.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from service.core.events import CONTENT_TYPES

CHANGE: Final = pl.Struct(
    {
        "number": pl.Int64,
        "end": pl.Int8,
        "dwell_s": pl.Int32,
        "liked": pl.Int8,
        "saved": pl.Int8,
    }
)

_TYPES: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "user": pl.String,
    "session": pl.String,  # of the fold: `partition-offset` of the event that opened it
    "number": pl.Int64,  # of the event within its listener's applied events, from 0
    "event_id": pl.String,
    "item": pl.String,
    "content_type": pl.Enum(list(CONTENT_TYPES)),
    "artist": pl.String,
    "at_ms": pl.Int64,  # as the fold counts it: never ahead of the broker
    "end": pl.Int8,  # a PlayEnd
    "dwell_s": pl.Int32,
    "duration_s": pl.Float64,
    "liked": pl.Int8,  # 1, 0, -1
    "saved": pl.Int8,
    "slate_version": pl.Int64,
    "slot": pl.Int32,
    "changes": pl.List(CHANGE),
}

SCHEMA: Final = pl.Schema(_TYPES)

ORDER: Final = ("at_ms", "user", "number")
"""Strictly ascending through a file."""

PLAYS: Final = "plays.parquet"
LINEAGE: Final = "lineage.json"
