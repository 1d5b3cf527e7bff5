"""`segue data check`: what is wrong with a file, row by row, in bounded memory."""

import gzip
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandera.errors
import polars as pl

from models.data.batches import batches_of
from models.data.rows import ORDER
from models.data.schemas import BY_COLUMN
from service.core.errors import Refused
from service.core.events import TIME_MAX_MS
from service.ops.event_lines import check_line

CASES_MAX: Final = 20
"""Rows shown of one kind of violation in one piece; the rest is counted."""


_EXPECTED: Final = {
    "not_nullable": "must not be missing",
    "multiple_fields_uniqueness": "the row's key is there twice",
    "column_in_schema": "no such column is known",
    "column_in_dataframe": "the column is missing",
}


class Violation(NamedTuple):
    """One thing wrong. `row` counts from 1 (in a file of lines: the line); 0 is the whole file."""

    file: str
    row: int
    reason: str

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.file}:{self.row}: {self.reason}" if self.row else f"{self.file}: {self.reason}"
        )


def check_file(path: Path) -> Iterator[Violation]:
    """Yield what is wrong with a file; its kind is told by its name and columns.

    Raises:
        Refused: There is no such file, or it is of no kind that is known.
    """
    if not path.is_file():
        raise Refused(f"no file at {path}")
    names = path.name.removesuffix(".gz")
    if names.endswith((".jsonl", ".ndjson")):
        yield from _check_lines(path)
    elif names.endswith((".tsv", ".csv")):
        separator = "\t" if names.endswith(".tsv") else ","
        frame = pl.read_csv(path, separator=separator, infer_schema_length=10_000)
        yield from _check_pieces(path, list(frame.columns), [frame])
    elif names.endswith(".parquet"):
        yield from _check_pieces(path, _columns(path), batches_of(path))
    else:
        yield from _check_sessions(path)


def validated(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return the frame as it is, if it is of its kind.

    Raises:
        Refused: Names the first rows and reasons.
    """
    wrong = list(_violations(frame, kind, "written rows", 0))
    if wrong:
        raise Refused("\n".join(map(str, wrong[:5])))
    return frame


def kind_of(columns: Iterable[str]) -> str | None:
    """Name the kind of file that has these columns."""
    found = set(columns)
    return next(
        (kind for kind, schema in BY_COLUMN.items() if schema.columns.keys() <= found), None
    )


def _columns(path: Path) -> list[str]:
    try:
        return list(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Refused(f"{path}: no Parquet file: {error}") from error


def _check_pieces(
    path: Path, columns: list[str], pieces: Iterable[pl.DataFrame]
) -> Iterator[Violation]:
    kind = kind_of(columns)
    if kind is None:
        raise Refused(
            f"{path}: of no known kind; columns are {', '.join(columns)},"
            f" known kinds are {', '.join(BY_COLUMN)}"
        )
    before, order = 0, _Order(str(path), kind)
    for piece in pieces:
        yield from _violations(piece, kind, str(path), before)
        yield from order.check(piece, before)
        before += len(piece)


def _violations(frame: pl.DataFrame, kind: str, file: str, before: int) -> Iterator[Violation]:
    try:
        BY_COLUMN[kind].validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            yield from _cases(error, file, before)


def _cases(error: pandera.errors.SchemaError, file: str, before: int) -> Iterator[Violation]:
    expected = _EXPECTED.get(str(error.check), str(getattr(error.check, "error", error.check)))
    name = getattr(error.schema, "name", None)
    rows = [] if error.check_output is None else _failed_rows(error.check_output)
    values = _values(error.failure_cases)
    if not rows:
        yield Violation(file, 0, f"{name or 'columns'}: {', '.join(map(str, values))}: {expected}")
        return
    for row, value in list(zip_longest(rows, values))[:CASES_MAX]:
        what = f"{name} is {value!r}: " if name else ""
        yield Violation(file, before + row + 1, what + expected)
    if len(rows) > CASES_MAX:
        more = len(rows) - CASES_MAX
        yield Violation(file, 0, f"{name or 'rows'}: {more} more rows after it: {expected}")


def _failed_rows(passed: Any) -> list[int]:
    frame = passed.collect() if isinstance(passed, pl.LazyFrame) else passed
    ok = frame["check_output"].fill_null(True)
    return [row for row, good in enumerate(ok) if not good]


def _values(cases: Any) -> list[Any]:
    if isinstance(cases, pl.DataFrame):
        return cases[:, 0].to_list() if cases.width else []
    return [cases]


class _Order:
    """What goes over pieces: records by offset once each, plays by time."""

    def __init__(self, file: str, kind: str) -> None:
        self._file, self._kind = file, kind
        self._offsets: dict[int, int] = {}
        self._last: tuple[Any, ...] | None = None

    def check(self, piece: pl.DataFrame, before: int) -> Iterator[Violation]:
        """Yield the rows of the next piece that are out of order."""
        if self._kind == "events":
            rows = piece.select("partition", "offset").iter_rows()
            for row, (partition, offset) in enumerate(rows, start=before + 1):
                if offset <= self._offsets.get(partition, -1):
                    reason = f"[{partition}]@{offset} comes after @{self._offsets[partition]}"
                    yield Violation(self._file, row, f"{reason}: twice, or out of order")
                self._offsets[partition] = max(offset, self._offsets.get(partition, -1))
        elif self._kind == "plays":
            for row, key in enumerate(piece.select(ORDER).iter_rows(), start=before + 1):
                if self._last is not None and key <= self._last:
                    reason = f"{key} comes after {self._last}"
                    yield Violation(self._file, row, f"{reason}: twice, or not in order of time")
                self._last = key


def _check_lines(path: Path) -> Iterator[Violation]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            complaint = check_line(number, line.rstrip(b"\r\n"), now_ms=TIME_MAX_MS)
            if complaint is not None:
                yield Violation(str(path), number, str(complaint).split(": ", 1)[1])


def _check_sessions(path: Path) -> Iterator[Violation]:
    """A file of lines, a session of item numbers on each."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            wrong = next((item for item in line.split() if not item.isdigit()), None)
            if wrong is not None:
                yield Violation(str(path), number, f"{str(wrong[:40])[1:]} is not an item number")
