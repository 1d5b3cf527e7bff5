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
        return [self._one(sessions, candidates, int(place)) for place in places]

    def _one(
        self, sessions: SessionBatch, candidates: Candidates, place: int
    ) -> tuple[str, tuple[str, ...]]:
        bits, b = int(candidates.sources[place]), int(candidates.owner[place])
        named = {name for s, name in enumerate(self.source_names) if bits >> s & 1}
        telling: list[str] = [name for name in _TELLING if name in named] or sorted(named)
        row = int(candidates.items[place])
        reasons = [_reason(sessions, b, row, name) for name in telling[:2]]
        if _artist_is_liked(sessions, b, row):
            reasons.append("artist_liked")
        return telling[0], tuple(reasons)


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


def _artist_is_liked(sessions: SessionBatch, b: int, row: int) -> bool:
    artist = int(sessions.table.artist[row])
    if artist < 0:
        return False
    artist_id = sessions.table.artist_ids[artist]
    return any(m.artist_id == artist_id and m.likes > 0 for m in sessions.states[b].artists)
