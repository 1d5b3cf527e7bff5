"""Why an item is in a slate, in short codes made from what really put it there.

continue            the next part, or the rest, of something begun
more_like:ITEM      asked for with "more like this"
similar_to:ITEM     a neighbour of a recent play that went well
session             near the session as a whole
follows             often comes after the last plays, in sessions like this one
again               heard before, and what it then came after is here again
fresh, popular      new; played by many
artist_liked        an artist the listener liked before
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from service.core.candidates import Candidates
from service.core.items import I32
from service.core.memory import PlayEnd
from service.core.sessions import SessionBatch

_TELLING: Final[tuple[str, ...]] = (
    "more_like",
    "continue",
    "follows",
    "again",
    "neighbours",
    "session",
    "fresh",
    "popular",
)
"""Which source names the item when several proposed it: the most particular one."""


@dataclass(frozen=True)
class Explainer:
    """Reads reasons off the source bits of candidates."""

    source_names: Sequence[str]

    def explain(
        self, sessions: SessionBatch, candidates: Candidates, places: I32
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Return (source, reasons) for each place of one session's slate."""
        if not len(places):
            return []
        b, rows = int(candidates.owner[places[0]]), candidates.items[places]
        telling = [self._telling(bits) for bits in candidates.sources[places].tolist()]
        named = {name for names in telling for name in names}
        similar = _closest_good_plays(sessions, b, rows) if "neighbours" in named else ()
        anchors = _closest_anchors(sessions, b, rows) if "more_like" in named else ()
        liked = _liked_artists(sessions, b)
        by_liked = [artist in liked for artist in sessions.table.artist[rows].tolist()]
        codes = {"neighbours": ("similar_to", similar), "more_like": ("more_like", anchors)}
        return [
            (names[0], _codes(names[:2], place, codes) + ("artist_liked",) * by_liked[place])
            for place, names in enumerate(telling)
        ]

    def _telling(self, bits: int) -> tuple[str, ...]:
        return _named(bits, tuple(self.source_names))


@lru_cache(maxsize=4096)
def _named(bits: int, source_names: tuple[str, ...]) -> tuple[str, ...]:
    """The sources under the bits, the most particular first."""
    named = {name for s, name in enumerate(source_names) if bits >> s & 1}
    return tuple(name for name in _TELLING if name in named) or tuple(sorted(named))


def _codes(
    names: tuple[str, ...], place: int, codes: Mapping[str, tuple[str, Sequence[str]]]
) -> tuple[str, ...]:
    return tuple(
        f"{codes[name][0]}:{codes[name][1][place]}" if name in codes else name for name in names
    )


def _closest_good_plays(sessions: SessionBatch, b: int, rows: I32) -> list[str]:
    """For each item the play that went well and is nearest to it."""
    good = sessions.played[b] & (sessions.end[b] != PlayEnd.SKIPPED) & (sessions.liked[b] >= 0)
    return _closest(sessions, rows, sessions.rows[b][good])


def _closest_anchors(sessions: SessionBatch, b: int, rows: I32) -> list[str]:
    wanted = sessions.states[b].steering.more_like
    known = [row for item in wanted if (row := sessions.table.row_of(item)) is not None]
    return _closest(sessions, rows, np.array(known, dtype=np.int32))


def _closest(sessions: SessionBatch, rows: I32, to: I32) -> list[str]:
    table = sessions.table
    nearest = (table.vectors[rows] @ table.vectors[to].T).argmax(axis=1)
    return [table.ids[row] for row in to[nearest].tolist()]


def _liked_artists(sessions: SessionBatch, b: int) -> set[int]:
    rows = sessions.table.artist_rows
    return {rows.get(m.artist_id, -2) for m in sessions.states[b].artists if m.likes > 0}
