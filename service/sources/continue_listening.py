"""What is worth going on with: the rest of an unfinished long item, the next episode or chapter."""

from dataclasses import dataclass

import numpy as np

from service.core.items import I32
from service.core.memory import PlayEnd
from service.core.sessions import SessionBatch


@dataclass(frozen=True)
class ContinueListening:
    """Unfinished long items, and what follows those heard. Podcasts and audiobooks need it."""

    name: str = "continue"

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Propose both, for every session."""
        unfinished = [
            (b, row)
            for b, state in enumerate(sessions.states)
            for memory in state.items
            if memory.resume_s > 0 and (row := sessions.table.row_of(memory.item_id)) is not None
        ]
        owner, items = np.array(unfinished, dtype=np.int32).reshape(-1, 2).T
        after_owner, after_items = self._following(sessions)
        return np.concatenate([owner, after_owner]), np.concatenate([items, after_items])

    def _following(self, sessions: SessionBatch) -> tuple[I32, I32]:
        following = sessions.table.next_in_series[sessions.rows]
        spoken = np.isin(sessions.table.content_type[sessions.rows], (1, 2))
        heard = sessions.played & (sessions.end != PlayEnd.QUEUED) & spoken
        owner, place = np.nonzero(heard & (following >= 0))
        return owner.astype(np.int32), following[owner, place]
