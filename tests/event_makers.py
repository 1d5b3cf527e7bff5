"""Valid events, records, states and a small catalogue: a test names only what it is about.

Hypothesis strategies too.
"""

from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from service.core import events as ev
from service.core.items import ATTRIBUTES, NEIGHBOURS, ItemTable
from service.core.session import EMPTY, SessionState, fold
from service.core.sessions import unit
from service.core.steering import SteerIntent

T0_MS = 1_700_000_000_000
ITEM_FACTS: list[type[ev.ItemFact]] = [
    ev.Started,
    ev.Progressed,
    ev.Skipped,
    ev.Completed,
    ev.Liked,
    ev.Disliked,
    ev.Saved,
    ev.Seeked,
    ev.Queued,
]


def item_fact(kind: type[ev.ItemFact] = ev.Started, item: str = "i1", **changes: Any) -> Any:
    """An event about an item."""
    given: dict[str, Any] = {
        "event_id": "e1",
        "user_id": "u1",
        "at_ms": T0_MS,
        "content_type": "music",
    }
    return kind(**(given | {"item_id": item} | changes))


def record_of(
    event: ev.PlaybackEvent, offset: int, *, partition: int = 0, timestamp_ms: int | None = None
) -> ev.Record:
    """The event's record; the broker's clock agrees with the client's unless told otherwise."""
    at_ms = event.at_ms if timestamp_ms is None else timestamp_ms
    value = msgspec.json.encode(event)
    return ev.Record(partition, offset, at_ms, event.user_id.encode(), value)


def events(users: tuple[str, ...] = ("u1",), *, items: int = 6) -> st.SearchStrategy[Any]:
    """Any event of these users, from few items and ids, around a few session gaps."""
    item_ids = st.sampled_from([f"i{n}" for n in range(items)])
    common: dict[str, Any] = {
        "event_id": st.integers(0, 300).map(lambda n: f"e{n}"),
        "user_id": st.sampled_from(users),
        "at_ms": st.integers(-7_200, 7_200).map(lambda s: T0_MS + s * 1000),
    }
    about = common | {
        "item_id": item_ids,
        "content_type": st.sampled_from(ev.CONTENT_TYPES),
        "artist_id": st.none() | st.sampled_from(["a1", "a2", "a3"]),
        "position_ms": st.integers(0, 5_000_000),
        "duration_ms": st.none() | st.integers(0, 4_000_000),
    }
    intents = st.builds(
        SteerIntent,
        more_like=st.lists(item_ids, max_size=3).map(tuple),
        less_artists=st.lists(st.sampled_from(["a1", "a2"]), max_size=2).map(tuple),
        exclude_types=st.lists(st.sampled_from(ev.CONTENT_TYPES), max_size=3).map(tuple),
        include_types=st.lists(st.sampled_from(ev.CONTENT_TYPES), max_size=3).map(tuple),
        reset=st.booleans(),
    )
    facts = [st.builds(kind, **about) for kind in ITEM_FACTS]
    steered = st.builds(ev.Steered, intent=intents, **common)
    rare = st.builds(ev.UserDeleted, **common) | st.builds(ev.SessionEnded, **common)
    return st.one_of(*facts, *facts, *facts, steered, rare)


def user_fact(kind: type[ev.Fact], **changes: Any) -> Any:
    """An event that is about no item."""
    given: dict[str, Any] = {"event_id": "e1", "user_id": "u1", "at_ms": T0_MS}
    return kind(**(given | changes))


def steered(**intent: Any) -> Any:
    """A steer event."""
    return user_fact(ev.Steered, intent=SteerIntent(**intent))


def folded(*facts: ev.PlaybackEvent, state: SessionState = EMPTY) -> SessionState:
    """The state after the events, each a fact of its own, at the offsets that follow."""
    for event in facts:
        offset = max(state.version, state.source_offset + 1)
        own = replace(event, event_id=f"at-{offset}")
        state, _ = fold(state, own, record_of(own, offset))
    return state


def small_table(items: int = 40, *, dim: int = 8, **columns: Any) -> ItemTable:
    """A catalogue of items i0, i1, ...: content types in turn, popularity falling, seeded vectors.

    Three items in a row share an artist; the podcasts and audiobooks are one series each.
    """
    chance = np.random.default_rng(7)
    row = np.arange(items, dtype=np.int32)
    kind = (row % len(ev.CONTENT_TYPES)).astype(np.uint8)
    vectors = unit(chance.normal(size=(items, dim)).astype(np.float32))
    closeness = vectors @ vectors.T
    np.fill_diagonal(closeness, -2)
    nearest = np.argsort(-closeness, axis=1)[:, : min(NEIGHBOURS, items - 1)]
    neighbours = np.full((items, NEIGHBOURS), -1, dtype=np.int32)
    neighbours[:, : nearest.shape[1]] = nearest
    attributes = chance.random((items, len(ATTRIBUTES))).astype(np.float32)
    attributes[row % 5 == 0] = np.nan
    given = {
        "name": "small",
        "item_space": "small:1",
        "ids": [f"i{n}" for n in range(items)],
        "artist_ids": [f"a{n}" for n in range(items // 3 + 1)],
        "series_ids": ["show", "book"],
        "content_type": kind,
        "artist": row // 3,
        "series": np.select([kind == 1, kind == 2], [0, 1], -1).astype(np.int32),
        "ordinal": row // 4,
        "duration_s": np.where(kind == 0, 200, 1800).astype(np.int32),
        "released_day": np.where(row % 3 == 0, 19_000 + row, 0).astype(np.int32),
        "popularity": np.linspace(0.1, 0.001, items, dtype=np.float32),
        "explicit": np.zeros(items, dtype=np.uint8),
        "language": np.zeros(items, dtype=np.uint8),
        "attributes": attributes,
        "vectors": vectors,
        "neighbours": neighbours,
    }
    return ItemTable(**(given | columns))
