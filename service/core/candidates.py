"""Candidates of all users of a poll, side by side, and the stages they pass through.

    sources propose > union > filters split into kept and removed > features > scorer > selector

Ragged: `owner[m]` names the session, `items[m]` the item row. A candidate's place never matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32, I32
from service.core.sessions import SessionBatch


@dataclass(frozen=True)
class Candidates:
    """Items that may be served.

    Shapes:
        owner: int32[m], index into the session batch, ascending
        items: int32[m], rows of the item table, once per owner
        sources: uint32[m], bit s set when source number s proposed it
        evidence: float32[m, E], what an index of sessions knows of the pair; None without one
    """

    owner: I32
    items: I32
    sources: NDArray[np.uint32]
    evidence: F32 | None = None

    def __len__(self) -> int:
        """How many candidates there are, over all sessions."""
        return len(self.items)

    def where(self, keep: NDArray[np.bool_]) -> "Candidates":
        """The candidates under the mask."""
        evidence = None if self.evidence is None else self.evidence[keep]
        return Candidates(self.owner[keep], self.items[keep], self.sources[keep], evidence)


class CandidateSource(Protocol):
    """Something that proposes items for sessions."""

    @property
    def name(self) -> str:
        """What bits and reasons call it."""
        ...

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Return (owner, items); duplicates are allowed, order does not matter."""
        ...


def union(sessions: SessionBatch, sources: Sequence[CandidateSource]) -> Candidates:
    """Ask every source; the same item from two sources becomes one candidate that names both."""
    owners, items, bits = [], [], []
    for number, source in enumerate(sources):
        owner, rows = source.propose(sessions)
        owners.append(owner)
        items.append(rows)
        bits.append(np.full(len(rows), 1 << number, dtype=np.uint32))
    return _merge(
        len(sessions.table), np.concatenate(owners), np.concatenate(items), np.concatenate(bits)
    )


def _merge(table_len: int, owner: I32, items: I32, bits: NDArray[np.uint32]) -> Candidates:
    key = owner.astype(np.int64) * max(table_len, 1) + items
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    merged = np.bitwise_or.reduceat(bits[order], first) if len(first) else bits
    chosen = order[first]
    return Candidates(owner[chosen], items[chosen], merged)
