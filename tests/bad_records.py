"""Records that can never be processed: 20 kinds, ten of each, every one with its verdict.

The same seed gives the same corpus. It does not know Kafka: a `BadRecord` is a key, a value and
headers, and `envelope` writes it as a line for `segue events produce --envelope`.
"""

import base64
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from service.core.errors import PoisonKind
from service.core.wire import RECORD_MAX_BYTES

_Choice = TypeVar("_Choice")
Headers = tuple[tuple[str, bytes], ...]
EACH: Final = 10
TEN_MB: Final = 10_000_000
_DAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that must end in the dead letters, as `poison`."""

    kind: str  # one of the 20
    poison: PoisonKind
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class _Draft:
    """What a maker may use: a good event to spoil, and which of the ten this is."""

    event: dict[str, Any]
    number: int
    now_ms: int

    @property
    def user_id(self) -> str:
        return str(self.event["user_id"])

    def spoiled(self, **changes: Any) -> bytes:
        return json.dumps(self.event | changes, separators=(",", ":")).encode()

    def pick(self, *choices: _Choice) -> _Choice:
        return choices[self.number % len(choices)]


_Made = bytes | None | tuple[bytes | None, Headers]


def bad_records(
    users: Sequence[str] = ("u1", "u2", "u3"), *, now_ms: int = 1_700_000_000_000, seed: int = 7
) -> list[BadRecord]:
    """Return 200 bad records, shuffled.

    Args:
        users: Whose records they pretend to be; good events of the same users must not suffer.
        now_ms: The broker's clock, which the far-future ones are ahead of.
        seed: Chooses order and ids.
    """
    draw = random.Random(seed)
    made = [
        _make(kind, number, users[draw.randrange(len(users))], now_ms)
        for kind in KINDS
        for number in range(EACH)
    ]
    draw.shuffle(made)
    return made


def envelope(record: BadRecord) -> bytes:
    """Return the record as one line for `segue events produce --envelope`."""
    line: dict[str, Any] = {
        "key": None if record.key is None else record.key.decode(),
        "headers": {name: value.decode() for name, value in record.headers},
    }
    if record.value is None:
        line["value"] = None
    else:
        line["value_base64"] = base64.b64encode(record.value).decode()
    return json.dumps(line).encode()


def _make(kind: str, number: int, user: str, now_ms: int) -> BadRecord:
    poison, maker = KINDS[kind]
    draft = _Draft(_good(kind, number, user, now_ms), number, now_ms)
    made = maker(draft)
    value, headers = made if isinstance(made, tuple) else (made, ())
    return BadRecord(kind, poison, _key(kind, draft), value, headers)


def _good(kind: str, number: int, user: str, now_ms: int) -> dict[str, Any]:
    return {
        "type": "skipped",
        "event_id": f"bad-{kind}-{number}",
        "user_id": user,
        "at_ms": now_ms - 1000,
        "item_id": f"i{number}",
        "content_type": "music",
        "position_ms": 4000,
    }


def _key(kind: str, draft: _Draft) -> bytes | None:
    if kind == "null_key":
        return None
    if kind == "wrong_key":
        return draft.pick(b"somebody-else", draft.user_id.upper().encode(), b"")
    return draft.user_id.encode()


def _broken_json(draft: _Draft) -> bytes:
    whole = draft.spoiled()
    cut, odd = whole[: len(whole) // 2], whole.replace(b":", b"=")
    return draft.pick(cut, whole + b"}", b"{'type': 'skipped'}", b"hello", odd)


def _nan(draft: _Draft) -> bytes:
    word = draft.pick(b"NaN", b"Infinity", b"-Infinity")
    return draft.spoiled().replace(b'"position_ms":4000', b'"position_ms":' + word)


def _invalid_utf8(draft: _Draft) -> bytes:
    broken = draft.pick(b"\xff\xfe", b"\xc3\x28", b"\x80")
    return draft.spoiled().replace(b'"content_type":"', b'"content_type":"' + broken)


def _empty_value(draft: _Draft) -> bytes | None:
    return None if draft.number % 2 else b""


def _oversized(draft: _Draft) -> bytes:
    size = TEN_MB if draft.number == 0 else RECORD_MAX_BYTES + draft.number**4
    return draft.spoiled(surface="x" * size)


def _deep_nesting(draft: _Draft) -> bytes:
    depth = 5_000 + draft.number
    opening, closing = draft.pick((b"[", b"]"), (b'{"a":', b"}"))
    nested = opening * depth + b"1" + closing * depth
    return draft.spoiled()[:-1] + b',"extra":' + nested + b"}"


def _unknown_type(draft: _Draft) -> bytes:
    return draft.spoiled(type=draft.pick("exploded", "SKIPPED", "skip", "", 7))


def _wrong_type(draft: _Draft) -> bytes:
    wrong: list[tuple[str, Any]] = [("at_ms", "1700000000000"), ("item_id", 5)]
    wrong += [("position_ms", True), ("served", "slate")]
    return draft.spoiled(**dict([draft.pick(*wrong)]))


def _missing_field(draft: _Draft) -> bytes:
    gone = draft.pick("event_id", "user_id", "at_ms", "item_id", "content_type", "type")
    return json.dumps({name: value for name, value in draft.event.items() if name != gone}).encode()


def _long_id(draft: _Draft) -> bytes:
    field = draft.pick("event_id", "item_id", "artist_id")
    return draft.spoiled(**{field: "x" * (129 + draft.number)})


def _unsafe_id(draft: _Draft) -> bytes:
    field = draft.pick("item_id", "user_id")
    return draft.spoiled(**{field: draft.pick("a{b}", "line\n", "two words", "nul\x00", "")})


def _impossible_time(draft: _Draft) -> bytes:
    return draft.spoiled(at_ms=draft.pick(-1, 1.5, 2**53, 2**70, None))


def _not_an_object(draft: _Draft) -> bytes:
    return draft.pick(b"[]", b"42", b'"skipped"', b"null", b"true", b"[" + draft.spoiled() + b"]")


def _unknown_content_type(draft: _Draft) -> bytes:
    return draft.spoiled(content_type=draft.pick("track", "Music", "", 1))


def _empty_steer(draft: _Draft) -> bytes:
    intent = draft.pick({}, {"more_like": []}, {"reset": False}, {"source": "api"})
    return draft.spoiled(type="steered", intent=intent)


def _as_it_is(draft: _Draft) -> bytes:
    return draft.spoiled()


def _far_future(draft: _Draft) -> bytes:
    ahead_ms = draft.pick(_DAY_MS, 365 * _DAY_MS, 999 * draft.now_ms)  # the last: microseconds
    return draft.spoiled(at_ms=draft.now_ms + ahead_ms)


def _bad_specversion(draft: _Draft) -> tuple[bytes, Headers]:
    said = draft.pick(b"0.3", b"2.0", b"1", b"", None)
    version = (("ce_specversion", said),) if said is not None else ()
    return draft.spoiled(), (*version, ("ce_id", str(draft.event["event_id"]).encode()))


def _headers_disagree(draft: _Draft) -> tuple[bytes, Headers]:
    name, value = draft.pick(
        ("ce_id", b"another-id"),
        ("ce_type", b"com.example.playback.liked"),
        ("ce_partitionkey", b"somebody-else"),
        ("ce_time", b"yesterday"),
    )
    return draft.spoiled(), (("ce_specversion", b"1.0"), (name, value))


KINDS: Final[dict[str, tuple[PoisonKind, Callable[[_Draft], _Made]]]] = {
    "broken_json": (PoisonKind.BROKEN_JSON, _broken_json),
    "nan": (PoisonKind.BROKEN_JSON, _nan),
    "invalid_utf8": (PoisonKind.BROKEN_JSON, _invalid_utf8),
    "empty_value": (PoisonKind.EMPTY, _empty_value),
    "oversized": (PoisonKind.OVERSIZED, _oversized),
    "deep_nesting": (PoisonKind.TOO_DEEP, _deep_nesting),
    "unknown_type": (PoisonKind.UNKNOWN_TYPE, _unknown_type),
    "wrong_type": (PoisonKind.INVALID_FIELD, _wrong_type),
    "missing_field": (PoisonKind.INVALID_FIELD, _missing_field),
    "long_id": (PoisonKind.INVALID_FIELD, _long_id),
    "unsafe_id": (PoisonKind.INVALID_FIELD, _unsafe_id),
    "impossible_time": (PoisonKind.INVALID_FIELD, _impossible_time),
    "not_an_object": (PoisonKind.INVALID_FIELD, _not_an_object),
    "unknown_content_type": (PoisonKind.INVALID_FIELD, _unknown_content_type),
    "empty_steer": (PoisonKind.INVALID_FIELD, _empty_steer),
    "null_key": (PoisonKind.NULL_KEY, _as_it_is),
    "wrong_key": (PoisonKind.WRONG_KEY, _as_it_is),
    "far_future": (PoisonKind.FAR_FUTURE, _far_future),
    "bad_specversion": (PoisonKind.BAD_ENVELOPE, _bad_specversion),
    "headers_disagree": (PoisonKind.BAD_ENVELOPE, _headers_disagree),
}
