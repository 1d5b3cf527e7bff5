"""A Markov chain that learns from every session as it ends: what freshness alone is worth.

The same method as the baseline that is counted anew for each block, asked the same questions.
"""

from collections.abc import Iterable

import numpy as np

from models.sessions.metrics import UNREACHED
from models.sessions.queries import Queries
from models.sessions.read import I64, SessionLog


class LiveMarkov:
    """Counts of what followed what, up to the last session that was learned."""

    def __init__(self, log: SessionLog) -> None:
        self._follows: dict[int, dict[int, int]] = {}
        for session in range(len(log)):
            self._learn(_plays(log, session))

    def ranks(self, log: SessionLog, queries: Queries) -> I64:
        """Ranks of the targets of a later log's queries, which are in the order of its sessions.

        Each session is learned once its queries are answered. Ties stand before the target.
        """
        edges = np.searchsorted(queries.session, np.arange(len(log) + 1)).tolist()
        last, target = queries.last.tolist(), queries.target.tolist()
        ranks = np.full(len(queries), UNREACHED, dtype=np.int64)
        for session in range(len(log)):
            for at in range(edges[session], edges[session + 1]):
                ranks[at] = self._rank(last[at], target[at])
            self._learn(_plays(log, session))
        return ranks

    def _rank(self, last: int, target: int) -> int:
        followers = self._follows.get(last, {})
        mine = followers.get(target, 0)
        return sum(count >= mine for count in followers.values()) if mine else UNREACHED

    def _learn(self, plays: Iterable[int]) -> None:
        before = -1
        for row in plays:
            if before >= 0 and row >= 0:
                followers = self._follows.setdefault(before, {})
                followers[row] = followers.get(row, 0) + 1
            before = row


def _plays(log: SessionLog, session: int) -> list[int]:
    plays: list[int] = log.items[log.starts[session] : log.starts[session + 1]].tolist()
    return plays
