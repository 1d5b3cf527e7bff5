"""One user's account: what the log says of the user, against what the store and the slates say.

Fed with the user's good records in offset order. It does not know other users, nor where anything
was read from.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.core import events as ev
from service.ops.reference_fold import ReferenceUser
from service.ops.slate_book import UserSlates

IN_FLIGHT: Final = "in_flight"
UNACCOUNTED: Final = "unaccounted"

Complain = Callable[[str, str], None]
"""Called with the name of a problem and an example."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of a user, reduced to what is compared."""

    lineage: bytes
    partition: int
    offset: int
    digest: str


@dataclass(slots=True)
class Account:
    """What is known of one user so far.

    `open` holds the offsets of loud events that no slate seen covers: a null slate may, later on.
    """

    user_id: str
    home: int
    held: Held | None
    slates: UserSlates
    reference: ReferenceUser = field(default_factory=ReferenceUser)
    last_offset: int = -1
    last_timestamp_ms: int = 0
    committed_offset: int = -1  # the last one below the committed offset
    held_was_met: bool = False
    open: list[int] = field(default_factory=list)

    def take(self, event: ev.PlaybackEvent, record: ev.Record, complain: Complain) -> str:
        """Fold one record; return what became of it: covered, quiet, ignored_*, or `open`."""
        effect = self.reference.apply(event, record)
        self.last_offset, self.last_timestamp_ms = record.offset, record.timestamp_ms
        if effect == "applied":
            self._compare_slate(record, complain)
        if self.held and self.held.offset == record.offset:
            self._compare_state(self.held, complain)
        if effect != "applied":
            return f"ignored_{effect}"
        return self._fate(event, record.offset)

    def is_folded(self, offset: int) -> bool:
        """Whether the store says that the record has been worked on."""
        return self.held is not None and offset <= self.held.offset

    def _fate(self, event: ev.PlaybackEvent, offset: int) -> str:
        if offset <= self.slates.covered_offset:
            return "covered"
        if isinstance(event, ev.UserDeleted) and self.slates.ends_in_null:
            return "covered"
        if isinstance(event, ev.Progressed | ev.Seeked):
            return "quiet"
        self.open.append(offset)
        return "open"

    def close_open(self) -> int:
        """After a deletion that was answered by a null slate: everything before is covered."""
        closed = len(self.open)
        self.open.clear()
        return closed

    def _compare_slate(self, record: ev.Record, complain: Complain) -> None:
        told = self.slates.versions.pop(self.reference.version, None)
        if told is None:
            return
        expected = (record.partition, record.offset, self.reference.session_id)
        said = (told.source.partition, told.source.offset, told.session_id)
        named = self.reference.digest()
        if (said, told.state_digest) != (expected, named):
            complain(
                "slate_unfaithful",
                f"{self.user_id} version {told.version}: slate says {said} {told.state_digest},"
                f" the log gives {expected} {named}",
            )

    def _compare_state(self, held: Held, complain: Complain) -> None:
        self.held_was_met = True
        expected = self.reference.digest()
        if held.digest != expected:
            complain(
                "state_differs",
                f"session:{{{self.user_id}}} at [{held.partition}]@{held.offset}:"
                f" {held.digest}, the log gives {expected}",
            )
