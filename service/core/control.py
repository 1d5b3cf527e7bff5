"""What the control topic says: which version of a model an alias stands for, from now on.

The topic is compacted, one key per alias, so a new reader finds the newest move of each. The
registry's alias log is the truth; the topic tells workers. Keys of other kinds are left to others.
"""

from collections import Counter
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

Alias = Literal["champion", "challenger", "shadow"]
ALIASES: Final[tuple[Alias, ...]] = get_args(Alias)

_PREFIX: Final = b"model:"
_ENCODER: Final = msgspec.json.Encoder()


class AliasMoved(Struct, frozen=True, kw_only=True):
    """An alias stands for another version since `at_ms`, or for none (`version` is None).

    `sequence` grows by one with each move of this alias: the higher one holds, whatever the order
    of arrival. `share` is the canary's share of users, of the challenger alone. `force` overrules a
    worker's doubts whether a champion scores as expected; never its checks of hash and signature.
    """

    name: str
    alias: Alias
    version: str | None
    sequence: Annotated[int, Meta(ge=1)]
    at_ms: int
    by: str
    reason: str
    share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    force: bool = False


_DECODER: Final = msgspec.json.Decoder(AliasMoved)


def control_key(alias: Alias) -> bytes:
    """Return the record's key.

    >>> control_key("champion")
    b'model:champion'
    """
    return _PREFIX + alias.encode()


def encode_move(move: AliasMoved) -> bytes:
    """Return the record's value: JSON, in the order of the fields."""
    return _ENCODER.encode(move)


class AliasBook(Struct):
    """The newest move of each alias of one model, read off the topic record by record.

    `ignored` counts what was read and not used, by why: `unknown_key`, `tombstone`, `broken`,
    `other_model`, `stale`. A record that does not parse must not stop a worker that serves.
    """

    name: str
    moves: dict[Alias, AliasMoved] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)

    def read(self, key: bytes | None, value: bytes | None) -> AliasMoved | None:
        """Take one record in; return the move if it is news for this model."""
        found = self._judge(key, value)
        if isinstance(found, str):
            self.ignored[found] += 1
            return None
        self.moves[found.alias] = found
        return found

    def _judge(self, key: bytes | None, value: bytes | None) -> AliasMoved | str:
        if key is None or key not in map(control_key, ALIASES):
            return "unknown_key"
        if value is None:
            return "tombstone"
        try:
            move = _DECODER.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "broken"
        if control_key(move.alias) != key:
            return "broken"
        if move.name != self.name:
            return "other_model"
        known = self.moves.get(move.alias)
        return "stale" if known is not None and move.sequence <= known.sequence else move
