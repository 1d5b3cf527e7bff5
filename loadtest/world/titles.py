"""What the world's items, artists and series are called."""

import numpy as np
from numpy.typing import NDArray

from loadtest.world.creators import Creators
from loadtest.world.genres import GENRES, LANGUAGES
from loadtest.world.words import Namer
from service.core.items import Names

I64 = NDArray[np.int64]


def name_everything(
    rng: np.random.Generator, creators: Creators, owner: I64, series: I64, ordinal: I64
) -> Names:
    """Name creators, series and items."""
    namer = Namer(rng)
    shows = [_series_of_creator(namer, creators, row) for row in range(len(creators))]
    artists = [_creator(namer, creators, row, shows[row]) for row in range(len(creators))]
    firsts = np.unique(series, return_index=True)[1][1 if (series < 0).any() else 0 :]
    kinds = creators.content_type[owner]
    series_names = [shows[owner[i]] if kinds[i] else namer.track() for i in firsts]
    titles = [
        _title(namer, int(kind), int(place)) for kind, place in zip(kinds, ordinal, strict=True)
    ]
    return Names(titles, artists, series_names, LANGUAGES)


def _series_of_creator(namer: Namer, creators: Creators, row: int) -> str:
    """The show or book of a creator who has just one."""
    match int(creators.content_type[row]):
        case 1:
            return namer.show(GENRES[creators.genre[row]].name)
        case 2:
            return namer.book()
        case _:
            return ""


def _creator(namer: Namer, creators: Creators, row: int, show: str) -> str:
    match int(creators.content_type[row]):
        case 0:
            return namer.artist()
        case 1:
            return show  # a show goes by its own name
        case 2:
            return namer.person()
        case _:
            return namer.channel(GENRES[creators.genre[row]].name)


def _title(namer: Namer, kind: int, place: int) -> str:
    match kind:
        case 1:
            return f"{place + 1}. {namer.track()}"
        case 2:
            return f"Chapter {place + 1}: {namer.track()}"
        case _:
            return namer.track()
