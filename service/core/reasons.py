"""Why an item is in a slate, in short codes made from what really put it there.

continue            the next part, or the rest, of something begun
more_like:ITEM      asked for with "more like this"
similar_to:ITEM     a neighbour of a recent play that went well
session             near the session as a whole
fresh, popular      new; played by many
artist_liked        an artist the listener liked before
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.candidates import Candidates
from service.core.items import I32
from service.core.memory import PlayEnd
from service.core.sessions import SessionBatch

_TELLING: Final[tuple[str, ...]] = (
    "more_like",
    "continue",
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
        b = int(candidates.owner[places[0]])
        liked = _liked_artists(sessions, b)
        rows, bits = candidates.items[places].tolist(), candidates.sources[places].tolist()
        by_liked = np.isin(sessions.table.artist[candidates.items[places]], liked).tolist()
        return [
            self._one(sessions, b, row, named, ("artist_liked",) if by_liked_artist else ())
            for row, named, by_liked_artist in zip(rows, bits, by_liked, strict=True)
        ]

    def _one(
        self, sessions: SessionBatch, b: int, row: int, bits: int, more: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        telling = self._telling(bits)
        return telling[0], (
            *(_reason(sessions, b, row, name) for name in telling[:2]),
            *more,
        )

    def _telling(self, bits: int) -> list[str]:
        named = {name for s, name in enumerate(self.source_names) if bits >> s & 1}
        return [name for name in _TELLING if name in named] or sorted(named)


def _reason(sessions: SessionBatch, b: int, row: int, source: str) -> str:
    if source == "neighbours":
        return f"similar_to:{sessions.table.ids[_closest_good_play(sessions, b, row)]}"
    if source == "more_like":
        return f"more_like:{_closest_anchor(sessions, b, row)}"
    return source


def _closest_good_play(sessions: SessionBatch, b: int, row: int) -> int:
    good = sessions.played[b] & (sessions.end[b] != PlayEnd.SKIPPED) & (sessions.liked[b] >= 0)
    rows = sessions.rows[b][good]
    return int(rows[np.argmax(sessions.table.vectors[rows] @ sessions.table.vectors[row])])


def _closest_anchor(sessions: SessionBatch, b: int, row: int) -> str:
    table = sessions.table
    known = [i for i in sessions.states[b].steering.more_like if table.row_of(i) is not None]
    rows = [table.rows[item] for item in known]
    return known[int(np.argmax(table.vectors[rows] @ table.vectors[row]))]


def _liked_artists(sessions: SessionBatch, b: int) -> list[int]:
    rows = sessions.table.artist_rows
    return [rows.get(m.artist_id, -2) for m in sessions.states[b].artists if m.likes > 0]
