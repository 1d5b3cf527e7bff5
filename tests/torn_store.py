"""A store where something goes wrong at one object; everything else goes to the real store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from obstore.exceptions import GenericError
from obstore.store import ObjectStore


class Torn:
    """Stands before a real store and is in the way where it is told to."""

    def __init__(
        self,
        store: ObjectStore,
        ends: str,
        at: Literal["put", "get", "grow", "meanwhile"],
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        self._store, self._ends, self._at, self._meanwhile = store, ends, at, meanwhile

    @classmethod
    def putting(cls, store: ObjectStore, ends: str) -> ObjectStore:
        """Break when an object whose path ends so is written."""
        return cast(ObjectStore, cls(store, ends, "put"))

    @classmethod
    def getting(cls, store: ObjectStore, ends: str) -> ObjectStore:
        """Break in the middle of reading an object whose path ends so."""
        return cast(ObjectStore, cls(store, ends, "get"))

    @classmethod
    def growing(cls, store: ObjectStore, ends: str) -> ObjectStore:
        """Give far more bytes than were listed."""
        return cast(ObjectStore, cls(store, ends, "grow"))

    @classmethod
    def overtaken(
        cls, store: ObjectStore, ends: str, meanwhile: Callable[[], object]
    ) -> ObjectStore:
        """Let something else happen just before an object whose path ends so is written."""
        return cast(ObjectStore, cls(store, ends, "meanwhile", meanwhile))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, path: str, *given: Any, **options: Any) -> Any:
        if self._at == "put" and path.endswith(self._ends):
            raise GenericError("the connection is torn")
        if self._meanwhile is not None and path.endswith(self._ends):
            self._meanwhile()
        return self._store.put(path, *given, **options)

    def get(self, path: str, **options: Any) -> Any:
        found = self._store.get(path, **options)
        if self._at not in ("get", "grow") or not path.endswith(self._ends):
            return found
        return _Broken(self._at, bytes(found.bytes()), found.meta)


@dataclass
class _Broken:
    at: str
    content: bytes
    meta: Any

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.content[: len(self.content) // 2]
        if self.at == "get":
            raise GenericError("the connection is torn")
        for _again in range(100):
            yield self.content

    def bytes(self) -> bytes:
        raise GenericError("the connection is torn")
