"""Retrieval for "more like this": strong steering changes what is found, not only its order."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from service.core.events import CONTENT_TYPES
from service.core.items import I32, ItemTable
from service.core.sessions import SessionBatch
from service.sources.session_vector import TypeIndex, search, type_index

ANCHORS: Final = 2
PER_TYPE: Final = (40, 10, 5, 10)


@dataclass(frozen=True)
class MoreLike:
    """Nearest items to the newest "more like this" anchors."""

    table: ItemTable
    name: str = "more_like"

    @cached_property
    def indexes(self) -> tuple[TypeIndex, ...]:
        """One index per content type."""
        return tuple(type_index(self.table, number) for number in range(len(CONTENT_TYPES)))

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        """Search around every anchor that the catalogue knows."""
        anchors = np.array(
            [
                (b, row)
                for b, state in enumerate(sessions.states)
                for item_id in state.steering.more_like[-ANCHORS:]
                if (row := self.table.row_of(item_id)) is not None
            ],
            dtype=np.int32,
        ).reshape(-1, 2)
        return search(self.indexes, self.table.vectors[anchors[:, 1]], anchors[:, 0], PER_TYPE)
