"""The world's catalogue: what the service may see (an ItemTable and names) and what it may not.

Hidden are the latent tastes that items answer to and their quality; popularity shows a part of the
latter. Item vectors are not made here: they are learned from what listeners do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.creators import LATENT_DIM, Creators, make_creators
from loadtest.world.genres import GENRES
from loadtest.world.titles import name_everything
from service.core.events import CONTENT_TYPES
from service.core.items import NEIGHBOURS, ItemTable, Names

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

SEED: Final = 7
TODAY: Final = 20_454
"""The world's newest release day: 2026-01-01, in days since 1970."""
VECTOR_DIM: Final = 64
TYPE_SHARES: Final = (0.74, 0.11, 0.05, 0.10)  # of plays, by content type
PREFIXES: Final = ("track", "episode", "chapter", "video")

# Seconds: median and spread of the logarithm, then bounds, by content type.
DURATIONS: Final = (
    (215, 0.25, 90, 480),
    (2100, 0.45, 600, 5400),
    (1080, 0.25, 400, 2400),
    (420, 0.5, 60, 1800),
)
EXPLICIT_SHARES: Final = {
    "hip hop": 0.45,
    "metal": 0.25,
    "punk": 0.25,
    "comedy": 0.3,
    "true crime": 0.2,
}
DAYS_BETWEEN: Final = (0, 7, 0, 5)  # between two items of a creator


@dataclass(frozen=True)
class World:
    """A catalogue and its secrets. Row i is item i, in the table and in the hidden columns."""

    seed: int
    table: ItemTable  # vectors are zero, neighbours empty
    names: Names
    genre: I64  # index into GENRES
    latent: F32  # [n, 16], unit length: what listeners' tastes are matched with
    quality: F32  # about standard normal; popularity is a noisy view of it

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.table)


def make_world(seed: int = SEED, *, scale: float = 1.0) -> World:
    """Make the world of a seed. `scale` is its size: 1.0 has about 20,000 items."""
    rng = np.random.default_rng([seed, 1])
    creators = make_creators(rng, scale)
    owner = np.repeat(np.arange(len(creators)), creators.items)  # [n], creator of each item
    kind = creators.content_type[owner]
    series, ordinal = _series(rng, creators, owner)
    fame, quality = _fame(rng, creators, owner)
    names = name_everything(rng, creators, owner, series, ordinal)
    table = ItemTable(
        name="world",
        item_space=f"world-{seed}-{scale:g}",
        ids=_ids(kind),
        artist_ids=[f"artist-{row:04d}" for row in range(len(creators))],
        series_ids=[f"series-{row:04d}" for row in range(int(series.max()) + 1)],
        content_type=kind.astype(np.uint8),
        artist=owner.astype(np.int32),
        series=series.astype(np.int32),
        ordinal=ordinal.astype(np.int32),
        duration_s=_durations(rng, creators, owner),
        released_day=_release_days(creators, owner, series, ordinal),
        popularity=_popularity(fame, kind),
        explicit=_explicit(rng, creators.genre[owner]),
        language=creators.language[owner].astype(np.uint8),
        attributes=_attributes(rng, creators, owner),
        vectors=np.zeros((len(owner), VECTOR_DIM), dtype=np.float32),
        neighbours=np.full((len(owner), NEIGHBOURS), -1, dtype=np.int32),
    )
    own = rng.normal(size=(len(owner), LATENT_DIM)) / LATENT_DIM**0.5
    latent = _unit(creators.latent[owner] + 0.55 * own)
    return World(seed, table, names, creators.genre[owner], latent, quality)


def _ids(kind: I64) -> list[str]:
    return [f"{PREFIXES[k]}-{row:05d}" for row, k in enumerate(kind)]


def _series(rng: np.random.Generator, creators: Creators, owner: I64) -> tuple[I64, I64]:
    """Album, show or book of each item and its place in it; videos stand alone (-1)."""
    place = np.arange(len(owner)) - np.searchsorted(
        owner, owner
    )  # [n], place among the creator's items
    album = np.where(creators.content_type[owner] == 0, place // creators.album_len[owner], 0)
    alone: NDArray[np.bool_] = creators.content_type[owner] == CONTENT_TYPES.index("video")
    code = np.where(alone, -1, owner * 1000 + album)
    _, series = np.unique(code, return_inverse=True)
    series = series - int(alone.any())  # the stand-alone code sorts first
    first = np.full(int(series.max()) + 2, len(owner))
    np.minimum.at(first, series, np.arange(len(owner)))
    ordinal = np.where(alone, 0, np.arange(len(owner)) - first[series])
    return series, ordinal


def _fame(
    rng: np.random.Generator, creators: Creators, owner: I64
) -> tuple[NDArray[np.float64], F32]:
    """Zipf-like pull of each item, and its quality, of which the pull is a noisy view."""
    quality = 0.7 * creators.quality[owner] + 0.7 * rng.normal(size=len(owner))
    luck = 0.8 * creators.fame[owner] + 0.6 * rng.normal(size=len(owner))
    return np.exp(0.7 * quality + 1.1 * luck), quality.astype(np.float32)


def _popularity(fame: NDArray[np.float64], kind: I64) -> F32:
    """Share of all plays: each content type's share, spread by fame."""
    popularity = np.zeros(len(fame))
    for code, share in enumerate(TYPE_SHARES):
        mine = kind == code
        popularity[mine] = share * fame[mine] / fame[mine].sum()
    return popularity.astype(np.float32)


def _durations(rng: np.random.Generator, creators: Creators, owner: I64) -> NDArray[np.int32]:
    median, spread, low, high = np.array(DURATIONS)[creators.content_type[owner]].T
    own = 0.8 * creators.length[owner] + 0.6 * rng.normal(size=len(owner))
    return np.asarray(np.clip(median * np.exp(spread * own), low, high), dtype=np.int32)


def _release_days(creators: Creators, owner: I64, series: I64, ordinal: I64) -> NDArray[np.int32]:
    """Albums come two years apart, episodes and videos on their days, chapters all at once."""
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    every = np.array(DAYS_BETWEEN)[creators.content_type[owner]]
    left = creators.items[owner] - 1 - place
    album = place // creators.album_len[owner]
    first_day = ((creators.start_year[owner] - 1970) * 365.25).astype(np.int64)
    day = np.where(
        every > 0, TODAY - left * every, first_day + np.where(series >= 0, album, 0) * 700
    )
    return np.asarray(np.minimum(day, TODAY - 1), dtype=np.int32)


def _explicit(rng: np.random.Generator, genre: I64) -> NDArray[np.uint8]:
    shares = np.array([EXPLICIT_SHARES.get(g.name, 0.04) for g in GENRES])
    return (rng.random(len(genre)) < shares[genre]).astype(np.uint8)


def _attributes(rng: np.random.Generator, creators: Creators, owner: I64) -> F32:
    """Energy, valence, tempo, acousticness, speechiness and era, each in [0, 1]."""
    sound = creators.sound[owner] + 0.09 * rng.normal(size=(len(owner), 5))
    album = (np.arange(len(owner)) - np.searchsorted(owner, owner)) // creators.album_len[owner]
    year = np.where(creators.content_type[owner] == 0, creators.start_year[owner] + 2 * album, 2024)
    era = (np.minimum(year, 2026) - 1950) / 80
    return np.clip(np.column_stack([sound, era]), 0.0, 1.0).astype(np.float32)


def _unit(vectors: NDArray[np.float64]) -> F32:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / length, dtype=np.float32)
