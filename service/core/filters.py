"""Filters: which candidates may be served at all. Each is kept, or removed and counted.

Some rules are the listener's own word and never give way: a disliked item, an excluded content
type. The rule against repeats gives way when it would leave nothing to play.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.candidates import Candidates
from service.core.events import CONTENT_TYPES
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
    banned = {(b, row) for b, row in _disliked(sessions)}
    if not banned:
        return np.ones(len(candidates), dtype=bool)
    pairs = zip(candidates.owner.tolist(), candidates.items.tolist(), strict=True)
    return np.fromiter((pair not in banned for pair in pairs), dtype=bool, count=len(candidates))


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
    heard = sessions.end[:, :REPEAT_GAP_PLAYS] != PlayEnd.QUEUED
    recent = np.where(heard, sessions.rows[:, :REPEAT_GAP_PLAYS], -1)
    repeated = (recent[candidates.owner] == candidates.items[:, None]).any(axis=1)
    return np.asarray(~repeated | _is_resumable(sessions, candidates))


def _is_resumable(sessions: SessionBatch, candidates: Candidates) -> Mask:
    started = {
        (b, sessions.table.row_of(memory.item_id))
        for b, state in enumerate(sessions.states)
        for memory in state.items
        if memory.resume_s > 0
    }
    if not started:
        return np.zeros(len(candidates), dtype=bool)
    pairs = zip(candidates.owner.tolist(), candidates.items.tolist(), strict=True)
    return np.fromiter((pair in started for pair in pairs), dtype=bool, count=len(candidates))


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
