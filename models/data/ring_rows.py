"""Watches the service's fold and writes down every entry a listener's ring ever held.

Nothing of the fold is repeated here: rows come from comparing the ring before and after an event.
An entry that the fold did not touch is the same object in both, which tells growth from change.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.data.entries import Entry
from service.core import events as ev
from service.core.events import CONTENT_TYPES
from service.core.memory import RING_MAX, Play
from service.core.session import EMPTY, Effect, SessionState, fold

Row = dict[str, Any]


@dataclass(slots=True)
class _Listener:
    """A listener's state, and the rows of it; `ring` holds those still in the state's ring."""

    state: SessionState = EMPTY
    applied: int = 0
    ring: deque[Row] = field(default_factory=lambda: deque(maxlen=RING_MAX))
    rows: list[Row] = field(default_factory=list)


class RingRows:
    """Folds entries of many listeners, each in order of the log; hands out their rows."""

    def __init__(self) -> None:
        self._listeners: dict[str, _Listener] = {}
        self.effects: dict[Effect, int] = dict.fromkeys(Effect, 0)
        self.erased = 0  # rows of listeners who were deleted later

    def take(self, entry: Entry) -> SessionState:
        """Fold one entry; return the state after it."""
        event = entry.event
        listener = self._listeners.setdefault(event.user_id, _Listener())
        before = listener.state
        listener.state, effect = fold(before, event, entry.record)
        self.effects[effect] += 1
        if effect is not Effect.APPLIED:
            return before
        if isinstance(event, ev.UserDeleted):
            self.erased += len(listener.rows)
            listener.ring.clear()
            listener.rows.clear()
        elif isinstance(event, ev.ItemFact):
            _note(listener, before.ring, entry, event)
        listener.applied += 1
        return listener.state

    def rows(self) -> Iterator[Row]:
        """Every row, listener by listener."""
        for listener in self._listeners.values():
            yield from listener.rows


def _note(listener: _Listener, before: tuple[Play, ...], entry: Entry, event: ev.ItemFact) -> None:
    after = listener.state.ring
    if _grew(before, after):
        row = _new_row(listener, entry, event)
        listener.ring.append(row)
        listener.rows.append(row)
        return
    for row, old, new in zip(listener.ring, before, after, strict=True):
        if new is not old:
            _tell_more(row, event)
            if new != old:
                row["changes"].append({"number": listener.applied} | _facts(new))
                row.update(_facts(new))


def _grew(before: tuple[Play, ...], after: tuple[Play, ...]) -> bool:
    """A full ring grows by shifting: its last but one entry was the last."""
    return len(after) > len(before) or (len(after) > 1 and after[-2] is before[-1])


def _new_row(listener: _Listener, entry: Entry, event: ev.ItemFact) -> Row:
    play = listener.state.ring[-1]
    row = {
        "user": event.user_id,
        "session": listener.state.session_id,
        "number": listener.applied,
        "event_id": event.event_id,
        "item": play.item_id,
        "content_type": CONTENT_TYPES[play.content_type],
        "artist": None,
        "at_ms": min(event.at_ms, entry.timestamp_ms),
        "duration_s": None,
        "slate_version": event.served.slate_version if event.served else None,
        "slot": event.served.slot if event.served else None,
        "changes": [{"number": listener.applied} | _facts(play)],
    }
    _tell_more(row, event)
    return row | _facts(play)


def _tell_more(row: Row, event: ev.ItemFact) -> None:
    """What an event tells of its item beside what the ring keeps; the newest word counts."""
    if event.artist_id is not None:
        row["artist"] = event.artist_id
    if event.duration_ms is not None:
        row["duration_s"] = event.duration_ms / 1000


def _facts(play: Play) -> Row:
    return {
        "end": int(play.end),
        "dwell_s": play.dwell_s,
        "liked": play.liked,
        "saved": play.saved,
    }
