"""The fold once more, slow and plain, to check the fast one against.

Written from the rules (see the docstrings of `core/session.py` and `core/memory.py`) with lists
and dicts, sharing no code with them. Common are the definitions of events and of the state: those
say how question and answer are spelled, not what the answer is.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from service.core import events as ev
from service.core.session import SessionState

_SILENCE_MS: Final = 1_800_000
_LONG_MS: Final = 600_000
_LIMITS: Final = {"ring": 50, "items": 32, "artists": 24, "ids": 64}
_NOTHING, _PLAYING, _SKIPPED, _COMPLETED, _QUEUED = range(5)
_TYPES: Final = ("music", "podcast", "audiobook", "video")
_STEERS: Final = (("more_like", 8), ("less_artists", 16), ("exclude_types", 4))
_WISHES: Final = ("liked", "disliked", "saved", "steered")

_PACKER: Final = msgspec.msgpack.Encoder()

Row = dict[str, Any]


class ReferenceUser:
    """One user's state, changed in place by every record of the user's, in offset order."""

    def __init__(self) -> None:
        self._s = _nothing_known()
        self._packed = b""

    def pack(self) -> None:
        """Shrink to a tenth while nobody asks; the next use unpacks."""
        if not self._packed:
            self._packed = msgspec.msgpack.encode(self._s)
            self._s = {}

    def _unpack(self) -> Row:
        if self._packed:
            self._s = msgspec.msgpack.decode(self._packed)
            self._packed = b""
        return self._s

    def apply(self, event: ev.PlaybackEvent, record: ev.Record) -> str:
        """Fold one record; return applied, duplicate, late or forgotten."""
        s, kind = self._unpack(), str(event.__struct_config__.tag)
        at_ms = event.at_ms if event.at_ms < record.timestamp_ms else record.timestamp_ms
        hashed = blake2b(event.event_id.encode(), digest_size=8).digest()
        refusal = _refusal(s, kind, at_ms, hashed)
        if refusal:
            return refusal
        version = max(s["version"], record.offset) + 1
        if kind == "user_deleted":
            gone_at_ms = max(at_ms, s["last_at_ms"], 1)
            ids = s["ids"]
            self._s = s = _nothing_known()
            s["deleted_at_ms"], s["ids"] = gone_at_ms, ids
        else:
            _begin_session_if_over(s, at_ms, f"{record.partition}-{record.offset}")
            _change(s, event, kind, at_ms)
            s["last_at_ms"] = max(s["last_at_ms"], at_ms)
        _append(s["ids"], hashed, _LIMITS["ids"])
        s["version"], s["source_offset"] = version, record.offset
        return "applied"

    @property
    def version(self) -> int:
        """Version after the last applied event."""
        return int(self._unpack()["version"])

    @property
    def session_id(self) -> str:
        """The session in force; empty when there is none."""
        return str(self._unpack()["session_id"])

    @property
    def is_deleted(self) -> bool:
        """Whether only a tombstone is left."""
        s = self._unpack()
        return bool(s["deleted_at_ms"]) and not s["last_at_ms"]

    def state(self) -> SessionState:
        """Spell the state as the service does."""
        return msgspec.convert(self._row(), SessionState)

    def digest(self) -> str:
        """Name the state as `codec.digest` does, without building it."""
        return blake2b(_PACKER.encode(self._row()), digest_size=8).hexdigest()

    def _row(self) -> list[Any]:
        s = self._unpack()
        return [
            *(s[name] for name in ("session_id", "started_at_ms", "last_at_ms", "version")),
            *(s[name] for name in ("source_offset", "session_len")),
            *(
                [tuple(entry.values()) for entry in s[name]]
                for name in ("ring", "items", "artists")
            ),
            tuple(s["steering"].values()),
            b"".join(s["ids"]),
            s["deleted_at_ms"],
            s["ended_at_ms"],
        ]


def _nothing_known() -> Row:
    return {
        "session_id": "",
        "started_at_ms": 0,
        "last_at_ms": 0,
        "version": 0,
        "source_offset": -1,
        "session_len": 0,
        "ring": [],
        "items": [],
        "artists": [],
        "steering": {name: [] for name, _ in _STEERS},
        "ids": [],
        "deleted_at_ms": 0,
        "ended_at_ms": 0,
    }


def _refusal(s: Row, kind: str, at_ms: int, hashed: bytes) -> str | None:
    if s["deleted_at_ms"] and at_ms <= s["deleted_at_ms"]:
        return "forgotten"
    if hashed in s["ids"]:
        return "duplicate"
    if kind == "user_deleted" or kind in _WISHES:
        return None
    return "late" if at_ms < s["started_at_ms"] else None


def _begin_session_if_over(s: Row, at_ms: int, name: str) -> None:
    silent = at_ms > s["last_at_ms"] + _SILENCE_MS
    closed = s["ended_at_ms"] > 0 and at_ms > s["ended_at_ms"]
    if s["session_id"] == "" or silent or closed:
        s["session_id"] = name
        s["started_at_ms"] = at_ms
        s["session_len"] = 0
        s["ended_at_ms"] = 0


def _change(s: Row, event: ev.PlaybackEvent, kind: str, at_ms: int) -> None:
    at_s = at_ms // 1000
    if isinstance(event, ev.Steered):
        _steer(s["steering"], event)
    elif isinstance(event, ev.ItemFact):
        _ring(s, event, kind, at_s)
        _item(s["items"], event, kind, at_s)
        if event.artist_id is not None:
            _artist(s["artists"], event.artist_id, kind)
    elif kind == "session_ended":
        s["ended_at_ms"] = max(at_ms, 1)


def _steer(steering: dict[str, list[str]], event: ev.Steered) -> None:
    intent = event.intent
    if intent.reset:
        for asked in steering.values():
            asked.clear()
    for allowed in intent.include_types:
        if allowed in steering["exclude_types"]:
            steering["exclude_types"].remove(allowed)
    for name, limit in _STEERS:
        asks = list(dict.fromkeys(getattr(intent, name)))
        kept = [old for old in steering[name] if old not in asks]
        steering[name] = (kept + asks)[-limit:]


def _ring(s: Row, event: ev.ItemFact, kind: str, at_s: int) -> None:
    ring, play = s["ring"], None
    if kind not in ("started", "queued"):
        play = next((p for p in reversed(ring) if p["item_id"] == event.item_id), None)
    if play is None:
        play = {"item_id": event.item_id, "end": _NOTHING, "dwell_s": 0, "at_s": at_s}
        play |= {"content_type": _TYPES.index(event.content_type), "liked": 0, "saved": 0}
        _append(ring, play, _LIMITS["ring"])
        s["session_len"] = min(s["session_len"] + 1, _LIMITS["ring"])
    _mark(play, event, kind)


def _mark(play: Row, event: ev.ItemFact, kind: str) -> None:
    ends = {"started": _PLAYING, "queued": _QUEUED, "skipped": _SKIPPED, "completed": _COMPLETED}
    if kind in ends:
        play["end"] = ends[kind]
    if kind == "progressed" and play["end"] in (_NOTHING, _QUEUED):
        play["end"] = _PLAYING
    if kind in ("started", "progressed", "skipped", "completed"):
        play["dwell_s"] = max(play["dwell_s"], min(event.position_ms // 1000, 65_535))
    if kind in ("liked", "disliked"):
        play["liked"] = 1 if kind == "liked" else -1
    if kind == "saved":
        play["saved"] = 1


def _item(items: list[Row], event: ev.ItemFact, kind: str, at_s: int) -> None:
    found = next((m for m in items if m["item_id"] == event.item_id), None)
    memory = found or {"item_id": event.item_id, "liked": 0, "saved": 0, "resume_s": 0, "at_s": 0}
    told = _told_of(event, kind)
    if told:
        memory.update(told, at_s=at_s)
    if found:
        items.remove(found)
    elif not (memory["liked"] or memory["saved"] or memory["resume_s"]):
        return
    _append(items, memory, _LIMITS["items"])


def _told_of(event: ev.ItemFact, kind: str) -> Row:
    if kind in ("liked", "disliked"):
        return {"liked": 1 if kind == "liked" else -1}
    if kind == "saved":
        return {"saved": 1}
    if kind == "completed":
        return {"resume_s": 0}
    spoken = event.content_type in ("podcast", "audiobook")
    is_long = spoken or (event.duration_ms is not None and event.duration_ms >= _LONG_MS)
    if kind in ("progressed", "seeked", "skipped") and is_long:
        return {"resume_s": event.position_ms // 1000}
    return {}


def _artist(artists: list[Row], artist_id: str, kind: str) -> None:
    counts = {"started": "plays", "skipped": "skips", "disliked": "dislikes"}
    counts |= {"liked": "likes", "saved": "likes"}
    if kind not in counts:
        return
    found = next((m for m in artists if m["artist_id"] == artist_id), None)
    memory = found or {"artist_id": artist_id, "plays": 0, "skips": 0, "likes": 0, "dislikes": 0}
    if found:
        artists.remove(found)
    memory[counts[kind]] += 1
    _append(artists, memory, _LIMITS["artists"])


def _append(entries: list[Any], entry: Any, limit: int) -> None:
    entries.append(entry)
    if len(entries) > limit:
        del entries[0]
