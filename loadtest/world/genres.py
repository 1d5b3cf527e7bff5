"""The genres and topics of the world, and how each sounds.

A genre has a family (genres of one family lie near each other in taste) and the means of energy,
valence, tempo, acousticness and speechiness of its items, each in [0, 1].
"""

from dataclasses import dataclass
from typing import Final

from service.core.events import ContentType


@dataclass(frozen=True, slots=True)
class Genre:
    """One genre of music, or one topic of spoken or moving content."""

    name: str
    content_type: ContentType
    family: str
    sound: tuple[float, float, float, float, float]
    share: float  # of the artists (shows, books, channels) of its content type, before normalising


def _music(
    name: str, family: str, sound: tuple[float, float, float, float, float], share: float
) -> Genre:
    return Genre(name, "music", family, sound, share)


MUSIC: Final = (
    _music("pop", "song", (0.70, 0.65, 0.55, 0.20, 0.08), 10),
    _music("indie", "song", (0.55, 0.50, 0.52, 0.40, 0.06), 8),
    _music("rock", "guitar", (0.78, 0.52, 0.58, 0.15, 0.06), 9),
    _music("metal", "guitar", (0.93, 0.32, 0.66, 0.04, 0.10), 5),
    _music("punk", "guitar", (0.88, 0.55, 0.78, 0.08, 0.09), 4),
    _music("folk", "roots", (0.32, 0.45, 0.42, 0.82, 0.05), 6),
    _music("country", "roots", (0.52, 0.62, 0.50, 0.55, 0.05), 5),
    _music("blues", "roots", (0.42, 0.42, 0.40, 0.58, 0.06), 3),
    _music("jazz", "club", (0.35, 0.50, 0.45, 0.72, 0.05), 5),
    _music("soul", "club", (0.50, 0.62, 0.45, 0.40, 0.08), 5),
    _music("hip hop", "street", (0.68, 0.50, 0.50, 0.15, 0.42), 9),
    _music("afrobeat", "street", (0.72, 0.75, 0.56, 0.25, 0.14), 4),
    _music("reggae", "street", (0.55, 0.72, 0.40, 0.30, 0.14), 3),
    _music("latin", "song", (0.74, 0.78, 0.60, 0.28, 0.10), 6),
    _music("house", "machine", (0.85, 0.62, 0.66, 0.05, 0.06), 6),
    _music("electronic", "machine", (0.75, 0.45, 0.64, 0.08, 0.07), 6),
    _music("ambient", "still", (0.14, 0.28, 0.30, 0.70, 0.03), 4),
    _music("classical", "still", (0.18, 0.35, 0.38, 0.94, 0.03), 5),
    _music("film music", "still", (0.35, 0.30, 0.42, 0.68, 0.03), 3),
)


def _topics(content_type: ContentType, spoken: float, names: dict[str, float]) -> tuple[Genre, ...]:
    """Topics of one type: the number is how lively they are."""
    return tuple(
        Genre(name, content_type, name, (energy, 0.35 + energy / 3, 0.4, 0.6, spoken), 1.0)
        for name, energy in names.items()
    )


PODCASTS: Final = _topics(
    "podcast",
    0.90,
    {
        "news": 0.45,
        "comedy": 0.70,
        "true crime": 0.40,
        "history": 0.30,
        "science": 0.40,
        "sport": 0.65,
    }
    | {
        "business": 0.45,
        "culture": 0.40,
        "technology": 0.45,
        "health": 0.30,
        "politics": 0.50,
        "stories": 0.25,
    },
)
AUDIOBOOKS: Final = _topics(
    "audiobook",
    0.95,
    {
        "fantasy": 0.35,
        "crime fiction": 0.40,
        "science fiction": 0.40,
        "romance": 0.30,
        "biography": 0.25,
    },
)
VIDEOS: Final = _topics(
    "video",
    0.45,
    {
        "concerts": 0.75,
        "talks": 0.35,
        "making": 0.45,
        "games": 0.70,
        "nature": 0.25,
        "sketches": 0.65,
    },
)
GENRES: Final = (*MUSIC, *PODCASTS, *AUDIOBOOKS, *VIDEOS)

LANGUAGES: Final = ("en", "es", "de", "fr", "sv", "pt")
LANGUAGE_SHARES: Final = (0.64, 0.12, 0.08, 0.07, 0.05, 0.04)
