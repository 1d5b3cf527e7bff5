"""What the golden files hold, from a fixed seed: a log, states of every kind, output records."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from service.core import events as ev
from service.core.codec import Fence, Stored, digest
from service.core.control import AliasMoved
from service.core.session import EMPTY, Effect, SessionState, fold
from service.core.slates import Model, Outcome, OutcomeBatch, Slate, SlateItem, Source
from service.core.steering import SteerIntent
from service.core.wire import decode
from tests.event_makers import ITEM_FACTS, T0_MS, folded, item_fact, steered, user_fact

FOLDER: Final = Path(__file__).parent
LOG: Final = FOLDER / "log.jsonl"
DIGESTS: Final = FOLDER / "digests.json"
OUTPUT: Final = FOLDER / "output.json"
CONTROL: Final = FOLDER / "control.json"
_EVENTS: Final = 300
_USERS: Final = ("ada", "ben", "cleo", "dan", "eve", "fay")


class Line(msgspec.Struct, frozen=True):
    """One record of the golden log."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str
    value: str

    @property
    def record(self) -> ev.Record:
        """The record as the broker would give it."""
        return ev.Record(
            self.partition,
            self.offset,
            self.timestamp_ms,
            self.key.encode(),
            self.value.encode(),
        )


def log_lines() -> list[Line]:
    """Six users on two partitions: sessions, retries, late events, skewed clocks, deletions."""
    chance, offsets = random.Random(2026), Counter[int]()
    now_ms, lines = T0_MS, list[Line]()
    sent: list[ev.PlaybackEvent] = []
    for number in range(_EVENTS):
        now_ms += chance.choice([200, 5_000, 40_000, 180_000, 2_400_000])
        event = _event(chance, number, now_ms)
        if sent and chance.random() < 0.05:
            event = chance.choice(sent[-20:])  # a client that tries again
        sent.append(event)
        partition = _USERS.index(event.user_id) % 2
        offsets[partition] += chance.choice([1, 1, 1, 3])
        value = msgspec.json.encode(event).decode()
        lines.append(Line(partition, offsets[partition], now_ms, event.user_id, value))
    return lines


def _event(chance: random.Random, number: int, now_ms: int) -> Any:
    lag_ms = chance.choice([0, 0, 0, -60_000, 90_000, 3_600_000])
    common = {"event_id": f"e{number}", "user_id": chance.choice(_USERS), "at_ms": now_ms - lag_ms}
    dice = chance.random()
    if dice < 0.02:
        return user_fact(ev.UserDeleted, **common)
    if dice < 0.06:
        return user_fact(ev.SessionEnded, **common)
    if dice < 0.16:
        return user_fact(ev.Steered, intent=_intent(chance), **common)
    kinds: list[type[ev.ItemFact]] = [*ITEM_FACTS, ev.Started, ev.Skipped, ev.Completed]
    return item_fact(
        chance.choice(kinds),
        f"item-{chance.randrange(60)}",
        content_type=chance.choice(ev.CONTENT_TYPES),
        artist_id=chance.choice([None, *[f"artist-{n}" for n in range(30)]]),
        position_ms=chance.randrange(3_000_000),
        duration_ms=chance.choice([None, 200_000, 3_000_000]),
        **common,
    )


def _intent(chance: random.Random) -> SteerIntent:
    return chance.choice(
        [
            SteerIntent(more_like=(f"item-{chance.randrange(60)}",)),
            SteerIntent(less_artists=(f"artist-{chance.randrange(30)}",)),
            SteerIntent(exclude_types=(chance.choice(ev.CONTENT_TYPES),)),
            SteerIntent(include_types=(chance.choice(ev.CONTENT_TYPES),)),
            SteerIntent(reset=True, source="words"),
        ]
    )


def digests_of(lines: Sequence[Line]) -> dict[str, dict[str, Any]]:
    """Fold the log; return each user's digest, version and what became of the events."""
    states: dict[str, SessionState] = {}
    effects: dict[str, Counter[Effect]] = {}
    for line in lines:
        state, effect = fold(states.get(line.key, EMPTY), decode(line.record), line.record)
        states[line.key] = state
        effects.setdefault(line.key, Counter())[effect] += 1
    return {
        user: {
            "digest": digest(states[user]),
            "version": states[user].version,
            "effects": {str(e): n for e, n in sorted(effects[user].items())},
        }
        for user in sorted(states)
    }


def stored_states() -> Iterator[tuple[str, Stored]]:
    """States that between them use every field of the codec, by name."""
    listening = folded(
        item_fact(ev.Started, "track-1", artist_id="artist-1"),
        item_fact(ev.Skipped, "track-1", artist_id="artist-1", position_ms=12_000),
        item_fact(ev.Liked, "track-2", artist_id="artist-2"),
        item_fact(ev.Saved, "track-3"),
        item_fact(ev.Progressed, "book-1", content_type="audiobook", position_ms=1_200_000),
        item_fact(ev.Disliked, "video-1", content_type="video", artist_id="artist-3"),
        item_fact(ev.Queued, "show-1", content_type="podcast"),
        steered(more_like=("track-2",), less_artists=("artist-3",), exclude_types=("video",)),
    )
    deleted = folded(user_fact(ev.UserDeleted, at_ms=T0_MS + 9), state=listening)
    returned = folded(item_fact(at_ms=T0_MS + 10), state=deleted)
    yield "empty", Stored(Fence(b"lineage1", 0, 1, -1), EMPTY)
    yield "listening", Stored(Fence(b"\x00\x01\x02\x03\xfc\xfd\xfe\xff", 3, 7, 9), listening)
    yield "deleted", Stored(Fence(b"lineage1", 3, 8, 10), deleted)
    yield "returned", Stored(Fence(b"lineage1", 3, 2**40, 11), returned)
    late = replace(listening, version=2**53, source_offset=2**53 - 1)
    yield "late_offsets", Stored(Fence(b"lineage1", 2**31, 2**60, 2**53 - 1), late)


def control_moves() -> dict[str, AliasMoved]:
    """A move of each alias: a champion, a canary with its share, a shadow that was withdrawn."""
    moved = AliasMoved(
        name="ranker",
        alias="champion",
        version="5c845b89e6fe",
        sequence=7,
        at_ms=T0_MS,
        by="ana",
        reason="better on 30Music, gate passed",
    )
    return {
        "champion": moved,
        "challenger": replace(moved, alias="challenger", version="0123456789ab", share=0.1),
        "shadow": replace(moved, alias="shadow", version=None, sequence=8),
    }


def output_records() -> dict[str, Any]:
    """One slate and one batch of outcomes with every field set, and the shortest of each."""
    item = SlateItem(
        item_id=ev.ItemId("track-7"),
        content_type="music",
        rank=1,
        score=1.25,
        heads={"skip": 0.125, "complete": 0.75, "like": 0.0625},
        source="neighbours",
        reasons=("similar_to:track-2", "artist_liked"),
        sponsored=True,
        campaign_id="c1",
    )
    slate = Slate(
        user_id=ev.UserId("ada"),
        session_id="3-1",
        version=9,
        source=Source(3, 8),
        state_digest="0123456789abcdef",
        trigger_event_id=ev.EventId("e8"),
        reason="skipped",
        generated_at_ms=T0_MS,
        ttl_ms=600_000,
        model=Model("ranker", "1", "challenger"),
        experiments=("x:b",),
        degraded=("fewer_candidates",),
        items=(item,),
    )
    told = item_fact(
        ev.Skipped, "track-7", position_ms=3_000, served=ev.Served(slate_version=8, slot=2)
    )
    outcome = Outcome(
        user_id=told.user_id,
        session_id="3-1",
        event_id=told.event_id,
        offset=8,
        type="skipped",
        item_id=told.item_id,
        content_type=told.content_type,
        at_ms=told.at_ms,
        position_ms=told.position_ms,
        duration_ms=200_000,
        slate_version=8,
        slot=2,
    )
    bare = replace(outcome, position_ms=0, duration_ms=None, slate_version=None, slot=None)
    return {
        "slate": slate,
        "slate_without_items": replace(slate, items=(), experiments=(), degraded=()),
        "outcomes": OutcomeBatch(partition=3, model=Model("ranker", "1"), outcomes=(outcome, bare)),
    }
