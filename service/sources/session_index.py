"""Candidates from an index of sessions: where the encoder points, what neighbours went on with.

Found together, because what is found on the way is also what the ranker reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.items import F32, I32
from service.core.keys import pair_keys
from service.core.retrieval.evidence import SOURCES
from service.core.sessions import SessionBatch

REASONS: Final = {"ring": "again", "popular": "popular"}
"""What a source of the index is to a listener; all others say: this often comes next."""
FOLLOWS: Final = "follows"

Found = tuple[I32, I32, NDArray[np.integer], F32]
"""owner, items, bits of the index's own sources, evidence: of every candidate, once per owner."""

Retrieve = Callable[[I32, NDArray[np.bool_], F32, I32, I32], Found]
"""(recent, current, directions, extra_owner, extra_items) -> Found; the extra ones are in it."""


class Encoder(Protocol):
    """Where sessions point."""

    def encode(self, recent: I32, current: NDArray[np.bool_], end: NDArray[np.integer]) -> F32:
        """float32[n, d], zeros for a session without a play to read."""
        ...


@dataclass(frozen=True)
class SessionIndex:
    """An encoder and the index that its directions are looked up in."""

    encoder: Encoder
    retrieve: Retrieve

    @property
    def names(self) -> tuple[str, ...]:
        """What its candidates are put down to, by the bits of the index's own sources."""
        return tuple(REASONS.get(source, FOLLOWS) for source in SOURCES)

    def extend(self, sessions: SessionBatch, others: Candidates, bit: int) -> Candidates:
        """Add the index's candidates to others; all of them get evidence, by owner and item."""
        recent, current = np.ascontiguousarray(sessions.rows), sessions.current
        directions = self.encoder.encode(recent, current, sessions.end)
        owner, items, found, evidence = self.retrieve(
            recent, current, directions, others.owner, others.items
        )
        keys = pair_keys(owner, items, len(sessions.table))
        order = np.argsort(keys, kind="stable")
        sources = found[order].astype(np.uint32) << np.uint32(bit)
        at = np.searchsorted(
            keys[order], pair_keys(others.owner, others.items, len(sessions.table))
        )
        sources[at] |= others.sources
        return Candidates(owner[order], items[order], sources, evidence[order])
