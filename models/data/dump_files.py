"""A topic's records as Parquet: what `segue data dump` writes, and how it reads back.

events-00000.parquet ...  records that decode, as they were: bytes, headers, broker time
dead-00000.parquet ...    records that can never be processed, with the reason
"""

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from models.data.batches import batches_of
from models.data.entries import Dead, Entry
from service.core.errors import PoisonRecord, Refused
from service.core.events import Record
from service.core.wire import decode

EVENTS: Final = "events"
DEAD: Final = "dead"

_HEADER: Final = pl.Struct({"name": pl.String, "value": pl.Binary})
RECORD_SCHEMA: Final = pl.Schema(
    [
        ("partition", pl.Int32()),
        ("offset", pl.Int64()),
        ("timestamp_ms", pl.Int64()),
        ("key", pl.Binary()),
        ("value", pl.Binary()),
        ("headers", pl.List(_HEADER)),
    ]
)
DEAD_SCHEMA: Final = pl.Schema(
    [
        ("source", pl.String()),
        ("partition", pl.Int32()),
        ("offset", pl.Int64()),
        ("timestamp_ms", pl.Int64()),
        ("key", pl.Binary()),
        ("value", pl.Binary()),
        ("kind", pl.String()),
        ("reason", pl.String()),
    ]
)


def row_of(record: Record) -> dict[str, Any]:
    """A record as a row of `RECORD_SCHEMA`."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": record.key,
        "value": record.value,
        "headers": [{"name": name, "value": value} for name, value in record.headers],
    }


def entry_of(record: Record, source: str) -> Entry | Dead:
    """Decode a record as the worker does; what it would dead-letter is dead here too."""
    try:
        return Entry(record.partition, record.offset, record.timestamp_ms, decode(record))
    except PoisonRecord as poison:
        where = (source, record.partition, record.offset, record.timestamp_ms)
        return Dead(*where, record.key, record.value, str(poison.kind), str(poison))


def read_records(files: Sequence[Path]) -> Iterator[Record]:
    """Yield the records of all files: by broker time over the partitions, each by offset.

    One piece of each partition is in memory at a time.

    Raises:
        Refused: A file is no dump.
    """
    for path in files:
        _require(path)
    streams = [_partition(files, number) for number in _partitions(files)]
    return heapq.merge(*streams, key=lambda record: (record.timestamp_ms, record.partition))


def _require(path: Path) -> None:
    try:
        found = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Refused(f"{path}: no Parquet file: {error}") from error
    missing = [name for name in RECORD_SCHEMA if name not in found]
    if missing:
        raise Refused(
            f"{path}: no column {', '.join(missing)}; a dump of `segue data dump` has"
            f" {', '.join(RECORD_SCHEMA)}"
        )


def _partitions(files: Sequence[Path]) -> list[int]:
    numbers = {
        number
        for path in files
        for number in pl.scan_parquet(path).select(pl.col("partition").unique()).collect()[:, 0]
    }
    return sorted(numbers)


def _partition(files: Sequence[Path], number: int) -> Iterator[Record]:
    for path in files:
        for piece in batches_of(path, list(RECORD_SCHEMA)):
            for row in piece.filter(pl.col("partition") == number).iter_rows(named=True):
                headers = tuple((one["name"], one["value"]) for one in row["headers"] or ())
                where = (row["partition"], row["offset"], row["timestamp_ms"])
                yield Record(*where, row["key"], row["value"], headers)
