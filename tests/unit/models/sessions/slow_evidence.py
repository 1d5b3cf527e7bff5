"""What the kernels compute, as the definitions read: dictionaries and loops over one session."""

from collections import defaultdict
from math import exp, log1p

import numpy as np

from service.core.items import F32
from service.core.retrieval.index import LINK_COLUMNS, SessionIndex


class Slow:
    """Evidence of one session, item by item."""

    def __init__(self, index: SessionIndex, recent: list[int], current: list[bool]) -> None:
        self.index = index
        self.ring = [(item, now) for item, now in zip(recent, current, strict=True) if item >= 0]
        self.session = [item for item, now in self.ring if now]
        self.wide, self.narrow, self.count = self._neighbours()

    def _held(self, session: int) -> list[int]:
        starts = self.index.play_starts
        held: list[int] = self.index.plays[starts[session] : starts[session + 1]].tolist()
        return held

    def _neighbours(self) -> tuple[dict[int, float], dict[int, float], dict[int, int]]:
        alike: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for place, item in enumerate(self.session[:20]):
            if item in self.session[:place]:
                continue
            begin, end = self.index.posting_starts[item], self.index.posting_starts[item + 1]
            for session in self.index.postings[begin:end].tolist():
                alike[session][0] += exp(-place / 5)
                alike[session][1] += exp(-place / 1.5)
        wide: dict[int, float] = defaultdict(float)
        narrow: dict[int, float] = defaultdict(float)
        count: dict[int, int] = defaultdict(int)
        for kind, most in ((0, 100), (1, 200)):
            for session in sorted(alike, key=lambda s: (-round(alike[s][kind], 5), -s))[:most]:
                for item in self._held(session):
                    (wide, narrow)[kind][item] += alike[session][kind]
                    count[item] += kind == 0
        return wide, narrow, count

    def link(self, of: int, item: int, column: str) -> float:
        """What the index says of two items, in steps."""
        begin, end = self.index.link_starts[of], self.index.link_starts[of + 1]
        at = np.flatnonzero(self.index.link_items[begin:end] == item)
        if not len(at):
            return 0.0
        return float(self.index.links[begin + at[0], LINK_COLUMNS.index(column)]) / 6

    def evidence(self, item: int, direction: F32) -> dict[str, float]:
        """The columns that a definition of a line or two gives."""
        last = self.session[0]
        soon = [self.link(p, item, "soon") / (1 + at) for at, p in enumerate(self.session[:10])]
        before = [at for at, (i, now) in enumerate(self.ring) if i == item and not now]
        now = [at for at, (i, current) in enumerate(self.ring) if i == item and current]
        own = [
            at
            for at, (i, _) in enumerate(self.ring[:-1])
            if i == item and self.ring[at + 1][0] == last
        ]
        leaves = max(float(self.index.facts[last, 4]), 1)
        return {
            "encoder": 10 * float(self.index.vectors[item] @ direction),
            "neighbours": log1p(self.wide.get(item, 0.0)),
            "neighbours_count": log1p(self.count.get(item, 0)),
            "narrow": log1p(self.narrow.get(item, 0.0)),
            "follows_share": self.link(last, item, "follows") / leaves,
            "follows_back": log1p(self.link(last, item, "back")),
            "soon_all": log1p(sum(soon)),
            "soon_back": log1p(self.link(last, item, "soon_back")),
            "cosine_last": float(self.index.vectors[item] @ self.index.vectors[last]),
            "heard": float(bool(now)),
            "heard_last": float(item == last),
            "heard_nearness": 1 / (1 + now[0]) if now else 0.0,
            "before_count": log1p(len(before)),
            "before_nearness": 1 / (1 + before[0]) if before else 0.0,
            "own_next": float(len(own)),
        }
