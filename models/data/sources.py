"""Any event log as one ordered stream of entries, with the dead ones among them.

    topic        folders that `segue data dump` wrote
    parquet      its files, one by one
    jsonl        an event on each line, gzip or not; its own time stands for the broker's
    30music ...  public logs: plays told as events, one running offset over all files

Logs follow each other in the order given.
"""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, cast

import msgspec
from msgspec.structs import replace

from models.data.chunks import chunk_files
from models.data.dump_files import DEAD, EVENTS, entry_of, read_records
from models.data.entries import Dead, Entry
from models.data.telling import Telling, tell
from models.formats import FORMATS, read_log
from models.formats.nowplaying import BEGIN_MS
from models.formats.play import Play
from service.core.errors import Refused
from service.core.events import TIME_MAX_MS, PlaybackEvent, Record
from service.ops.event_lines import check_line, record_of_line

LOG_FORMATS: Final = ("topic", "parquet", "jsonl", *FORMATS)
WITHOUT_LISTENERS: Final = ("nowplaying",)
_DECODER: Final = msgspec.json.Decoder(PlaybackEvent)
_FILE_APART_MS: Final = 24 * 60 * 60 * 1000


def read_entries(logs: Sequence[Path], log_format: str) -> Iterator[Entry | Dead]:
    """Yield everything the logs hold, each listener's in order.

    Raises:
        Refused: A log is missing or is not in the format; the message says which and what.
    """
    if log_format not in LOG_FORMATS:
        raise Refused(f"unknown log format {log_format!r}; known are {', '.join(LOG_FORMATS)}")
    for log in logs:
        if not log.exists():
            raise Refused(f"no log at {log}; give the path of a {log_format} log")
    if log_format in ("topic", "parquet"):
        return _dumped(logs, whole_folders=log_format == "topic")
    return _lines(logs) if log_format == "jsonl" else _plays(logs, log_format)


def files_of(logs: Sequence[Path]) -> list[Path]:
    """The files behind logs: a folder stands for its chunks."""
    found: list[Path] = []
    for log in logs:
        found += sorted(log.glob("*.parquet")) if log.is_dir() else [log]
    return found


def _dumped(logs: Sequence[Path], *, whole_folders: bool) -> Iterator[Entry | Dead]:
    files = list(logs)
    if whole_folders:
        files = [path for log in logs for path in chunk_files(log, EVENTS)]
        if not files:
            raise Refused(f"no {EVENTS}-*.parquet in {', '.join(map(str, logs))}; was it dumped?")
    for record in read_records(files):
        yield entry_of(record, "dump")
    for log in logs if whole_folders else ():
        yield from _dead_of(log)


def _dead_of(folder: Path) -> Iterator[Dead]:
    import polars as pl  # noqa: PLC0415

    for path in chunk_files(folder, DEAD):
        for row in pl.read_parquet(path).iter_rows(named=True):
            yield Dead(**row)


def _lines(logs: Sequence[Path]) -> Iterator[Entry | Dead]:
    offset = 0
    for log in logs:
        with _open(log) as lines:
            for number, line in enumerate(lines, start=1):
                yield _of_line(line.rstrip(b"\r\n"), number, offset, str(log))
                offset += 1


def _of_line(line: bytes, number: int, offset: int, source: str) -> Entry | Dead:
    complaint = check_line(number, line, now_ms=TIME_MAX_MS)
    if complaint is None:
        event = cast(PlaybackEvent, _DECODER.decode(line))
        return Entry(0, offset, event.at_ms, event)
    reason = str(complaint)
    key = record_of_line(line).key
    return Dead(source, 0, number, 0, key, line, complaint.kind, reason)


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _plays(logs: Sequence[Path], log_format: str) -> Iterator[Entry | Dead]:
    told = tell(_one_after_the_other(logs, log_format), log_format, Telling())
    try:
        for offset, one in enumerate(told):
            record = Record(0, offset, one.at_ms, one.key, one.value)
            yield entry_of(record, log_format)
    except (ValueError, OSError) as error:  # the readers' errors say file and column
        raise Refused(str(error)) from error


def _one_after_the_other(logs: Sequence[Path], log_format: str) -> Iterator[Play]:
    """Logs whose readers make up listeners and times get listeners and times of their own."""
    shift_ms = newest_ms = 0
    for number, log in enumerate(logs):
        made_up = number > 0 and log_format in WITHOUT_LISTENERS
        for play in read_log(log, log_format):
            own = play
            if made_up:
                own = replace(play, user=f"log-{number}-{play.user}", at_ms=play.at_ms + shift_ms)
            newest_ms = max(newest_ms, own.at_ms)
            yield own
        shift_ms = newest_ms - BEGIN_MS + _FILE_APART_MS
