"""A catalogue from a listening log alone: its items, their popularity, vectors and neighbours.

What the log does not say stays unknown: attributes, release days, and often durations and artists.
Popularity and vectors come from the training part, the first share of the log's time order; items
that appear only later are listed, without a vector.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.formats import read_log
from models.formats.play import Play
from models.nearest import nearest
from models.vectors import DIM, item_vectors
from service.adapters.catalog import write_catalog
from service.core.events import CONTENT_TYPES
from service.core.items import ATTRIBUTES, ItemTable, Names

I64 = NDArray[np.int64]

SESSION_GAP_MS: Final = 30 * 60 * 1000
HEARD_MIN_S: Final = 30.0
HEARD_MIN_SHARE: Final = 0.5


@dataclass(frozen=True)
class LogItems:
    """The items of a log in order of their first appearance."""

    ids: list[str]
    content_type: list[str]
    artist: list[str | None]
    duration_s: list[float]
    rows: dict[str, int]


def build_log_catalog(
    log: Path, log_format: str, out_dir: Path, *, train_share: float = 1.0
) -> ItemTable:
    """Read a log and write its catalogue folder.

    Raises:
        ValueError: The log is empty or not in the format.
    """
    plays = list(read_log(log, log_format))
    if not plays:
        raise ValueError(f"{log}: no plays in it; is --format right?")
    table = catalog_of(plays, f"{log_format}-{log.stem}", train_share=train_share)
    names = Names(table.ids, table.artist_ids, [])
    write_catalog(out_dir, table, names, built_from=f"{log.name}, {log_format}")
    return table


def catalog_of(plays: Sequence[Play], name: str, *, train_share: float = 1.0) -> ItemTable:
    """Make the item table of a log's plays, which are in order of time."""
    items = _items(plays)
    training = plays[: round(train_share * len(plays))]
    count = len(items.ids)
    vectors = item_vectors(sessions_of(training, items.rows), count, dim=DIM)
    artists = sorted({artist for artist in items.artist if artist is not None})
    numbers = {artist: number for number, artist in enumerate(artists)}
    kinds = np.array([CONTENT_TYPES.index(t) for t in items.content_type], dtype=np.uint8)
    unknown = np.zeros(count, dtype=np.int32)
    return ItemTable(
        name=name,
        item_space=f"{name}-{sha256(vectors.tobytes()).hexdigest()[:8]}",
        ids=items.ids,
        artist_ids=artists,
        series_ids=[],
        content_type=kinds,
        artist=np.array([numbers.get(a or "", -1) for a in items.artist], dtype=np.int32),
        series=unknown - 1,
        ordinal=unknown,
        duration_s=np.array(items.duration_s, dtype=np.int32),
        released_day=unknown,
        popularity=_popularity(training, items.rows),
        explicit=unknown.astype(np.uint8),
        language=unknown.astype(np.uint8),
        attributes=np.full((count, len(ATTRIBUTES)), np.nan, dtype=np.float32),
        vectors=vectors,
        neighbours=nearest(vectors, kinds),
    )


def sessions_of(plays: Iterable[Play], rows: dict[str, int]) -> list[I64]:
    """Item rows by session: the log's own sessions, else split where a user is silent for long.

    Plays that were broken off early or disliked are left out: they tell what does not belong.
    """
    sessions: dict[str, list[int]] = {}
    newest: dict[str, tuple[int, int]] = {}  # user to (time of the last play, number of session)
    for play in plays:
        at_ms, number = newest.get(play.user, (play.at_ms, 0))
        number += play.at_ms - at_ms > SESSION_GAP_MS
        newest[play.user] = (play.at_ms, number)
        if _was_welcome(play):
            key = f"{play.user}/{play.session or number}"
            sessions.setdefault(key, []).append(rows[play.item])
    return [np.array(session, dtype=np.int64) for session in sessions.values()]


def _was_welcome(play: Play) -> bool:
    if not play.heard or play.liked == -1:
        return False
    if play.played_s is None or play.played_s >= HEARD_MIN_S:
        return True
    return bool(play.duration_s) and play.played_s >= HEARD_MIN_SHARE * (play.duration_s or 0)


def _items(plays: Iterable[Play]) -> LogItems:
    items = LogItems([], [], [], [], {})
    for play in plays:
        row = items.rows.setdefault(play.item, len(items.ids))
        if row == len(items.ids):
            items.ids.append(play.item)
            items.content_type.append(play.content_type)
            items.artist.append(play.artist)
            items.duration_s.append(0.0)
        if play.duration_s and not items.duration_s[row]:
            items.duration_s[row] = play.duration_s
    return items


def _popularity(plays: Sequence[Play], rows: dict[str, int]) -> NDArray[np.float32]:
    heard = [rows[play.item] for play in plays if play.heard]
    counts = np.bincount(np.array(heard, dtype=np.int64), minlength=len(rows))
    return (counts / max(len(heard), 1)).astype(np.float32)
