"""The one rule of reading slates: per user, the highest version wins. Knows nothing of Kafka.

Slates may repeat and, after a rebalance, arrive behind a newer one; their versions say so. A record
without a value is the end of a user: their slate is gone, and older ones stay gone.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from service.core.events import UserId
from service.core.slates import Slate

VERSION_HEADER: Final = "segue.version"


class Deleted(msgspec.Struct, frozen=True):
    """The user was deleted: forget what was kept for them."""

    user_id: UserId


class _Versioned(msgspec.Struct):
    version: int


_VERSION: Final = msgspec.json.Decoder(_Versioned)
_SLATE: Final = msgspec.json.Decoder(Slate)


class Newest:
    """Remembers one number per user, and says what is news."""

    def __init__(self) -> None:
        self._versions: dict[UserId, int] = {}
        self._deleted: set[UserId] = set()
        self.repeated_count = 0
        self.unreadable_count = 0

    def take(
        self, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]] = ()
    ) -> Slate | Deleted | None:
        """Return what this record changes, or None if it is old, a repetition or unreadable.

        >>> Newest().take(b"u1", None)
        Deleted(user_id='u1')
        """
        if key is None:
            self.unreadable_count += 1
            return None
        user_id = UserId(key.decode("utf-8", "replace"))
        return self._delete(user_id, headers) if value is None else self._slate(user_id, value)

    def _slate(self, user_id: UserId, value: bytes) -> Slate | None:
        try:
            version = _VERSION.decode(value).version
            if version <= self._versions.get(user_id, -1):
                self.repeated_count += 1
                return None
            slate = _SLATE.decode(value)
        except msgspec.DecodeError:
            self.unreadable_count += 1
            return None
        self._versions[user_id] = version
        self._deleted.discard(user_id)
        return slate

    def _delete(self, user_id: UserId, headers: Iterable[tuple[str, bytes]]) -> Deleted | None:
        """The highest version stays known: a slate from before the deletion must not come back."""
        known = self._versions.get(user_id, -1)
        stamped = _version_in(headers)
        if user_id in self._deleted or (stamped is not None and stamped <= known):
            self.repeated_count += 1
            return None
        self._versions[user_id] = max(known, -1 if stamped is None else stamped)
        self._deleted.add(user_id)
        return Deleted(user_id)


def _version_in(headers: Iterable[tuple[str, bytes]]) -> int | None:
    for name, value in headers:
        if name == VERSION_HEADER and value.isdigit():
            return int(value)
    return None
