"""Aliases in the registry's store: an append-only log per alias, which is its audit too.

A move is one object, `NAME/aliases/ALIAS/SEQUENCE.json`, created on condition that nobody created
it before. So a move is atomic, of two movers at once exactly one wins, on a local folder as on S3,
and there is no move without its audit line. The newest object is what the alias means.
"""

from typing import Final

import msgspec
from obstore.store import ObjectStore

from service.adapters.object_store import AlreadyThere, reaching
from service.core.alias_history import Move, Wish
from service.core.control import Alias
from service.core.errors import Refused, StaleWrite
from service.core.manifest import check_model_name

_DIGITS: Final = 10
_DECODER: Final = msgspec.json.Decoder(Move)


class AliasLog:
    """The moves of one model's aliases."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = check_model_name(name)

    def newest(self, alias: Alias) -> Move | None:
        """Return the move that holds, or None when the alias was never moved.

        Raises:
            Unavailable: The store does not answer.
        """
        paths = self._paths(alias)
        return self._read(paths[-1]) if paths else None

    def history(self, alias: Alias) -> list[Move]:
        """Return every move of an alias, oldest first.

        Raises:
            Unavailable: The store does not answer.
        """
        return [self._read(path) for path in self._paths(alias)]

    def append(self, alias: Alias, wish: Wish, after: Move | None) -> Move:
        """Move the alias, if it still stands where the caller saw it.

        Args:
            alias: What is moved.
            wish: Where to, who wants it and why.
            after: The newest move that the caller knows; None when there was none.

        Raises:
            StaleWrite: Somebody else moved the alias in between; the text says who and where to.
            Unavailable: The store does not answer; ask for the newest move before trying again.
        """
        move = Move(
            name=self._name,
            alias=alias,
            version=wish.version,
            sequence=1 if after is None else after.sequence + 1,
            at_ms=wish.at_ms,
            by=wish.by,
            reason=wish.reason,
            share=wish.share,
            force=wish.force,
            kind=wish.kind,
            previous=None if after is None else after.version,
            approved=wish.approved,
        )
        try:
            with reaching(f"move {move.sequence} of {alias}"):
                self._store.put(self._path(move), msgspec.json.encode(move) + b"\n", mode="create")
        except AlreadyThere:
            winner = self._read(self._path(move))
            raise StaleWrite(
                f"{alias} was moved to {winner.version} by {winner.by} at the same moment"
                f" ({winner.reason}); nothing was changed, look and decide again"
            ) from None
        return move

    def _path(self, move: Move) -> str:
        return f"{self._name}/aliases/{move.alias}/{move.sequence:0{_DIGITS}}.json"

    def _paths(self, alias: Alias) -> list[str]:
        with reaching(f"alias {alias}"):
            found = self._store.list(f"{self._name}/aliases/{alias}").collect()
        return sorted(meta["path"] for meta in found if meta["path"].endswith(".json"))

    def _read(self, path: str) -> Move:
        with reaching(path):
            data = bytes(self._store.get(path).bytes())
        try:
            return _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(f"registry, {path}: no move of an alias ({error}); restore it") from error
