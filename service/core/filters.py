"""Filters: which candidates may be served at all. Each is kept, or removed and counted.

Some rules are the listener's own word and never give way: a disliked item, an excluded content
type. The rule against repeats gives way when it would leave nothing to play.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.events import CONTENT_TYPES
from service.core.keys import is_among, pair_keys
from service.core.memory import PlayEnd
from service.core.sessions import SessionBatch

Mask = NDArray[np.bool_]

REPEAT_GAP_PLAYS: Final = 12
"""An item heard within this many plays is not offered again."""


@dataclass(frozen=True)
class Filtered:
    """The outcome of filtering: kept, and how many each filter removed first."""

    kept: Candidates
    removed: Mapping[str, int]


def is_allowed_type(sessions: SessionBatch, candidates: Candidates) -> Mask:
    """Whether the candidate's content type is not excluded by steering."""
    allowed = np.ones((len(sessions), len(CONTENT_TYPES)), dtype=bool)
    for b, state in enumerate(sessions.states):
        for name in state.steering.exclude_types:
            allowed[b, CONTENT_TYPES.index(name)] = False
    return np.asarray(allowed[candidates.owner, sessions.table.content_type[candidates.items]])


def is_not_disliked(sessions: SessionBatch, candidates: Candidates) -> Mask:
    """Whether the listener has not said no to the item, for as long as is remembered."""
    return ~_is_one_of(sessions, candidates, _disliked(sessions))


def _is_one_of(
    sessions: SessionBatch, candidates: Candidates, pairs: Sequence[tuple[int, int]]
) -> Mask:
    """Whether (session, item row) is one of the pairs."""
    owner, rows = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    items = len(sessions.table)
    wanted = pair_keys(candidates.owner, candidates.items, items)
    return is_among(wanted, pair_keys(owner, rows, items))


def _disliked(sessions: SessionBatch) -> list[tuple[int, int]]:
    lasting = [
        (b, row)
        for b, state in enumerate(sessions.states)
        for memory in state.items
        if memory.liked < 0 and (row := sessions.table.row_of(memory.item_id)) is not None
    ]
    recent = np.argwhere((sessions.liked < 0) & sessions.played).tolist()
    return lasting + [
        (b, int(sessions.rows[b, r])) for b, r in recent if not _is_taken_back(sessions, b, r)
    ]


def _is_taken_back(sessions: SessionBatch, b: int, r: int) -> bool:
    """Whether a newer play of the same item was liked: the newest word counts."""
    same = sessions.rows[b, :r] == sessions.rows[b, r]
    return bool((same & (sessions.liked[b, :r] > 0)).any())


def is_not_playing(sessions: SessionBatch, candidates: Candidates) -> Mask:
    """Whether the item is not the one being heard right now.

    Liking or queueing something else meanwhile does not stop it.
    """
    heard = ~np.isin(sessions.end, (PlayEnd.NOTHING, PlayEnd.QUEUED))
    each, newest = np.arange(len(sessions)), heard.argmax(axis=1)
    is_playing = sessions.end[each, newest] == PlayEnd.PLAYING
    now = np.where(is_playing, sessions.rows[each, newest], -1)
    return np.asarray(now[candidates.owner] != candidates.items)


def is_not_repeated(sessions: SessionBatch, candidates: Candidates) -> Mask:
    """Whether the item was not heard within the last plays. What can be continued is no repeat."""
    heard = sessions.played & ~np.isin(sessions.end, (PlayEnd.NOTHING, PlayEnd.QUEUED))
    owner, place = np.nonzero(heard[:, :REPEAT_GAP_PLAYS])
    items = len(sessions.table)
    recent = pair_keys(owner.astype(np.int32), sessions.rows[owner, place], items)
    repeated = is_among(pair_keys(candidates.owner, candidates.items, items), recent)
    return np.asarray(~repeated | _is_one_of(sessions, candidates, _resumable(sessions)))


def _resumable(sessions: SessionBatch) -> list[tuple[int, int]]:
    return [
        (b, row)
        for b, state in enumerate(sessions.states)
        for memory in state.items
        if memory.resume_s > 0 and (row := sessions.table.row_of(memory.item_id)) is not None
    ]


Filter = Callable[[SessionBatch, Candidates], Mask]

HARD: Final[dict[str, Filter]] = {
    "excluded_type": is_allowed_type,
    "disliked": is_not_disliked,
    "playing": is_not_playing,
}
SOFT: Final[dict[str, Filter]] = {"repeated": is_not_repeated}


def apply_filters(sessions: SessionBatch, candidates: Candidates, at_least: int) -> Filtered:
    """Split candidates into kept and removed.

    A session left with fewer than `at_least` by a soft filter keeps what that filter removed.
    """
    keep = np.ones(len(candidates), dtype=bool)
    removed = {}
    for name, hard in HARD.items():
        passed = hard(sessions, candidates)
        removed[name] = int((keep & ~passed).sum())
        keep &= passed
    for name, soft in SOFT.items():
        passed = soft(sessions, candidates)
        left = np.bincount(candidates.owner[keep & passed], minlength=len(sessions))
        passed |= (left < at_least)[candidates.owner]
        removed[name] = int((keep & ~passed).sum())
        keep &= passed
    return Filtered(candidates.where(keep), removed)
