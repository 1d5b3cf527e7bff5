"""What the slates topic says, user by user, and whether it says it in order.

    first occurrences of `version`   strictly increasing
    the same `version` again         the same source offset and state digest
    null                             the user was deleted

The topic is compacted: old versions may be gone, which is no problem. It does not know the input.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from service.core.events import Record
from service.core.slates import Source
from service.ops.problems import Problems


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a slate says about the state it was made from."""

    user_id: str
    session_id: str
    version: int
    source: Source
    state_digest: str


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TOLD: Final = msgspec.json.Decoder(Told)


@dataclass(slots=True)
class UserSlates:
    """All slates of one user. `versions` shrinks as they are checked against the reference."""

    versions: dict[int, Told] = field(default_factory=dict)
    version_max: int = 0
    covered_offset: int = -1
    partition: int | None = None  # of the input
    ends_in_null: bool = False


@dataclass(slots=True)
class SlateBook:
    """Reads slate records, partition by partition, in offset order."""

    problems: Problems
    users: dict[str, UserSlates] = field(default_factory=dict)
    slates: int = 0
    repeated: int = 0
    nulls: int = 0

    def take(self, record: Record) -> None:
        """Read one record of the slates topic."""
        if record.key is None:
            self.problems.add("slate_unreadable", f"{record.where}: no key")
            return
        user = self.users.setdefault(record.key.decode(errors="replace"), UserSlates())
        user.ends_in_null = record.value is None
        if record.value is None:
            self.nulls += 1
            return
        try:
            told = _TOLD.decode(record.value)
        except _UNREADABLE as error:
            self.problems.add("slate_unreadable", f"{record.where}: {error}")
            return
        self.slates += 1
        self._check_key(told, record)
        self._take(user, told, record)

    def _check_key(self, told: Told, record: Record) -> None:
        if told.user_id.encode() != record.key:
            self.problems.add("slate_wrong_key", f"{record.where}: {record.key!r}: {told.user_id}")

    def _take(self, user: UserSlates, told: Told, record: Record) -> None:
        before = user.versions.get(told.version)
        where = f"{told.user_id} version {told.version} at {record.where}"
        if before is not None:
            self.repeated += 1
            if before != told:
                self.problems.add("slate_changed", f"{where}: {told} after {before}")
            return
        if told.version <= user.version_max:
            self.problems.add(
                "version_regressed", f"{where}: first seen after version {user.version_max}"
            )
        user.versions[told.version] = told
        user.version_max = max(user.version_max, told.version)
        user.covered_offset = max(user.covered_offset, told.source.offset)
        user.partition = told.source.partition
