"""A turn: what the records of one poll do to one user.

records of the user, in offset order
  at or below the stored offset  -> covered before: not folded again, but answered again
  above it                       -> folded; each is applied, or ignored for a named reason
  from another partition         -> misrouted: its producer used another partitioner
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from service.core.codec import Fence, Stored
from service.core.errors import PoisonKind, PoisonRecord
from service.core.events import EventId, ItemFact, PlaybackEvent, Record, UserId
from service.core.refresh import refresh
from service.core.session import EMPTY, Effect, fold
from service.core.slates import Outcome


class Entry(Struct, frozen=True, gc=False):
    """A record and the event it holds."""

    record: Record
    event: PlaybackEvent


class Turn(Struct, frozen=True, kw_only=True, gc=False):
    """The result. `new` is None when nothing was above the stored offset."""

    user_id: UserId
    base: Stored | None
    new: Stored | None
    reason: str | None  # why a slate is due; None when none is
    trigger: Entry | None  # the record that made it due
    outcomes: tuple[Outcome, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)  # by Effect
    misrouted: tuple[tuple[Record, PoisonRecord], ...] = ()
    records: int = 0  # how many records the turn took in, misrouted ones apart

    @property
    def stored(self) -> Stored | None:
        """The user's state after the turn."""
        return self.new or self.base


def take_turn(user_id: UserId, base: Stored | None, entries: Sequence[Entry], owner: Fence) -> Turn:
    """Fold one user's entries (ascending offsets of one partition) onto the stored state.

    `owner` is the worker's lineage, partition and epoch; its offset is not read.
    """
    if base is not None and base.fence.partition != owner.partition:
        return _misrouted(user_id, base, entries)
    covered = base.fence.offset if base else -1
    state = base.state if base else EMPTY
    ignored: Counter[str] = Counter()
    told = [(e, state.session_id) for e in entries if e.record.offset <= covered]
    for entry in entries[len(told) :]:
        state, effect = fold(state, entry.event, entry.record)
        if effect is Effect.APPLIED:
            told.append((entry, state.session_id))
        else:
            ignored[effect] += 1
    last = entries[-1].record.offset
    new = None
    if last > covered:
        new = Stored(Fence(owner.lineage, owner.partition, owner.epoch, last), state)
    reason, trigger = _due([entry for entry, _ in told])
    return Turn(
        user_id=user_id,
        base=base,
        new=new,
        reason=reason,
        trigger=trigger,
        outcomes=tuple(_outcome(e, session_id) for e, session_id in told if _is_outcome(e)),
        ignored=dict(ignored),
        records=len(entries),
    )


def _due(told: Sequence[Entry]) -> tuple[str | None, Entry | None]:
    due = refresh(entry.event for entry in told)
    if due is None:
        return None, None
    reason, event_id = due
    return reason, _entry_of(told, event_id)


def _entry_of(told: Sequence[Entry], event_id: EventId) -> Entry:
    return next(entry for entry in reversed(told) if entry.event.event_id == event_id)


def _misrouted(user_id: UserId, base: Stored, entries: Sequence[Entry]) -> Turn:
    home = base.fence.partition
    letters = tuple(
        (
            entry.record,
            PoisonRecord(
                PoisonKind.MISROUTED,
                f"the user's events are on partition {home}, this one came on"
                f" {entry.record.partition};"
                " its producer must partition by murmur2 (librdkafka: partitioner=murmur2_random)",
            ),
        )
        for entry in entries
    )
    return Turn(user_id=user_id, base=base, new=None, reason=None, trigger=None, misrouted=letters)


def _is_outcome(entry: Entry) -> bool:
    return isinstance(entry.event, ItemFact)


def _outcome(entry: Entry, session_id: str) -> Outcome:
    event = entry.event
    assert isinstance(event, ItemFact)
    served = event.served
    return Outcome(
        user_id=event.user_id,
        session_id=session_id,
        event_id=event.event_id,
        offset=entry.record.offset,
        type=str(event.__struct_config__.tag),
        item_id=event.item_id,
        content_type=event.content_type,
        at_ms=event.at_ms,
        position_ms=event.position_ms,
        duration_ms=event.duration_ms,
        slate_version=served.slate_version if served else None,
        slot=served.slot if served else None,
    )
