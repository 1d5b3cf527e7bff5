"""Readers of public listening logs: each yields `Play` rows ordered by time.

30music      Last.fm sessions (RecSys 2015), parquet
nowplaying   #nowplaying sessions, one a line, order only
kuairand     likes and hates on short videos, tab-separated
yambda       Yandex Yambda, flat parquet as published (listens, likes, dislikes or multi_event)
piki         swipes on song previews, csv as published
sessions     what `segue data sessions` writes: plays as the service's own fold tells them
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from models.formats.play import Play

FORMATS: Final = {
    "30music": "models.formats.thirtymusic",
    "nowplaying": "models.formats.nowplaying",
    "kuairand": "models.formats.kuairand",
    "yambda": "models.formats.yambda",
    "piki": "models.formats.piki",
    "sessions": "models.formats.sessions",
}


def read_log(path: Path, log_format: str) -> Iterator[Play]:
    """Read a log in one of the known formats.

    Raises:
        ValueError: Unknown format, or a file that is not in it; the message says what was expected.
    """
    if log_format not in FORMATS:
        raise ValueError(f"unknown log format {log_format!r}; known are {', '.join(FORMATS)}")
    if not path.exists():
        raise ValueError(f"no log at {path}; give the path of a {log_format} file")
    read: Callable[[Path], Iterator[Play]] = import_module(FORMATS[log_format]).read
    return read(path)
