"""Valid events and records: a test names only what it is about. Hypothesis strategies too."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from service.core import events as ev
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
