"""The item table: what the hot path knows of the catalogue, a column per fact, row i is item i.

Columns may be memory-mapped files shared between processes; nothing here writes to them. Titles and
names are not here: ranking never reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

ATTRIBUTES: Final = ("energy", "valence", "tempo", "acousticness", "speechiness", "era")
NEIGHBOURS: Final = 32
ITEM_FACTS: Final = (
    "popularity",  # 0 never played, 1 the most played, on a log scale
    "freshness",  # 1 for the newest release, fading with a scale of a year; 0 when unknown
    "duration",  # log of seconds
    "explicit",
    "is_music",
    "is_podcast",
    "is_audiobook",
    "is_video",
)

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class ItemTable:
    """A catalogue in columns.

    Shapes (n items, d vector dimensions, A attributes, K neighbours):
        content_type, explicit, language: uint8[n]; artist, series, ordinal, duration_s,
        released_day:
        int32[n], -1 or 0 for unknown; popularity: float32[n], share of plays; attributes:
        float32[n, A] in [0, 1], NaN unknown; vectors: float32[n, d], unit length or zero;
        neighbours: int32[n, K] rows by falling similarity, -1 padded.
    """

    name: str
    item_space: str  # names the vector space: vectors of two spaces are never compared
    ids: Sequence[str]
    artist_ids: Sequence[str]
    series_ids: Sequence[str]
    content_type: U8
    artist: I32
    series: I32
    ordinal: I32
    duration_s: I32
    released_day: I32
    popularity: F32
    explicit: U8
    language: U8
    attributes: F32
    vectors: F32
    neighbours: I32

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.ids)

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Item id to row."""
        return {item_id: row for row, item_id in enumerate(self.ids)}

    @cached_property
    def artist_rows(self) -> Mapping[str, int]:
        """Artist id to the number that `artist` holds."""
        return {artist_id: row for row, artist_id in enumerate(self.artist_ids)}

    def row_of(self, item_id: str) -> int | None:
        """The item's row, or None when the catalogue does not know it."""
        return self.rows.get(item_id)

    @cached_property
    def next_in_series(self) -> I32:
        """int32[n]: row of the next episode, chapter or track of the series, -1 at the end."""
        following = np.full(len(self), -1, dtype=np.int32)
        order = np.lexsort((self.ordinal, self.series))
        here, there = order[:-1], order[1:]
        same = (self.series[here] == self.series[there]) & (self.series[here] >= 0)
        following[here[same]] = there[same]
        return following

    @cached_property
    def log_popularity(self) -> F32:
        """float32[n] in [0, 1]: 0 for an item never played, 1 for the most played."""
        counts = np.log1p(self.popularity * 1e6)
        top = float(counts.max()) if len(counts) else 0.0
        return np.asarray(counts / top if top > 0 else counts, dtype=np.float32)

    @cached_property
    def facts(self) -> F32:
        """float32[n, 8]: columns as in ITEM_FACTS, ready for the ranker."""
        age_years = (self.newest_day - self.released_day) / 365.0
        freshness = np.where(self.released_day > 0, np.exp(-age_years), 0.0)
        types = [self.content_type == number for number in range(4)]
        columns = (self.log_popularity, freshness, np.log1p(self.duration_s), self.explicit)
        return np.stack([*columns, *types], axis=1).astype(np.float32)

    @cached_property
    def known_attributes(self) -> F32:
        """float32[n, A]: attributes, unknown ones at the catalogue's mean: they sway nothing."""
        known = ~np.isnan(self.attributes)
        total = np.where(known, self.attributes, 0.0).sum(axis=0)
        mean = total / np.maximum(known.sum(axis=0), 1)
        return np.where(known, self.attributes, mean).astype(np.float32)

    @cached_property
    def type_share(self) -> F32:
        """float32[4]: each content type's share of all plays."""
        plays = np.bincount(self.content_type, weights=self.popularity, minlength=4)
        return np.asarray(plays / max(float(plays.sum()), 1e-9), dtype=np.float32)

    @cached_property
    def newest_day(self) -> int:
        """The newest release in the catalogue: what "fresh" is measured from."""
        return int(self.released_day.max()) if len(self) else 0


@dataclass(frozen=True)
class Names:
    """What people call things; for pages and search, never for ranking."""

    titles: Sequence[str]
    artist_names: Sequence[str]
    series_names: Sequence[str]
    languages: Sequence[str] = ()
