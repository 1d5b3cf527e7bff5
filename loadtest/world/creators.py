"""Who makes the items: artists, shows, authors and channels, with the taste they appeal to."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.genres import GENRES, LANGUAGE_SHARES
from service.core.events import CONTENT_TYPES

LATENT_DIM: Final = 16
CREATORS: Final = (900, 150, 60, 100)  # by content type
ITEMS_MEAN: Final = (15.6, 20.0, 25.0, 15.0)  # items of one creator
FAMILY_PULL: Final = 0.75  # how near genres of one family lie

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Creators:
    """Creators in columns, those of one content type together."""

    content_type: I64
    genre: I64  # index into GENRES
    language: I64
    items: I64  # how many items each has
    album_len: I64
    start_year: I64
    fame: F64
    quality: F64
    length: F64  # how long their items run against others, in spreads
    sound: F64  # [C, 5]
    latent: F64  # [C, 16], unit length

    def __len__(self) -> int:
        """How many creators there are."""
        return len(self.genre)


def genre_centres(rng: np.random.Generator) -> F64:
    """float64[genres, 16], unit length; genres of one family lie near each other."""
    families = sorted({g.family for g in GENRES})
    homes = rng.normal(size=(len(families), LATENT_DIM))
    own = rng.normal(size=(len(GENRES), LATENT_DIM))
    return _unit(FAMILY_PULL * homes[[families.index(g.family) for g in GENRES]] + own)


def make_creators(rng: np.random.Generator, scale: float) -> Creators:
    """Make every creator of the world."""
    centres = genre_centres(rng)
    counts = [max(6, round(count * scale)) for count in CREATORS]
    kind = np.repeat(np.arange(len(CONTENT_TYPES)), counts)
    genre = np.concatenate([_genres(rng, code, count) for code, count in enumerate(counts)])
    n = len(kind)
    mean = np.array(ITEMS_MEAN)[kind]
    era = np.clip(rng.beta(4.0, 1.3, n), 0, 0.98)
    return Creators(
        content_type=kind,
        genre=genre,
        language=rng.choice(len(LANGUAGE_SHARES), n, p=LANGUAGE_SHARES),
        items=np.clip(rng.gamma(4.0, mean / 4.0), 4, 4 * mean).astype(np.int64),
        album_len=rng.integers(7, 13, n),
        start_year=(1955 + 70 * era).astype(np.int64),
        fame=rng.normal(size=n) + 0.6 * rng.exponential(size=n),
        quality=rng.normal(size=n),
        length=rng.normal(size=n),
        sound=np.array([g.sound for g in GENRES])[genre] + 0.09 * rng.normal(size=(n, 5)),
        latent=_unit(centres[genre] + 0.6 / LATENT_DIM**0.5 * rng.normal(size=(n, LATENT_DIM))),
    )


def _genres(rng: np.random.Generator, code: int, count: int) -> I64:
    mine = [row for row, g in enumerate(GENRES) if CONTENT_TYPES.index(g.content_type) == code]
    shares = np.array([GENRES[row].share for row in mine])
    return rng.choice(mine, count, p=shares / shares.sum())


def _unit(vectors: F64) -> F64:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
