"""Example records for documents and golden files: fixed, valid, one of every kind."""

from typing import Final

from service.core import events as ev
from service.core.slates import Model, Outcome, OutcomeBatch, Slate, SlateItem, Source
from service.ops.samples import sample_events

_AT_MS: Final = 1_790_000_000_000
_USER: Final = ev.UserId("u42")
_MODEL: Final = Model("ranker", "3")


def example_events() -> list[ev.PlaybackEvent]:
    """One event of each type."""
    return list(sample_events(_AT_MS, _USER))


def example_slate() -> Slate:
    """A slate of two items."""
    return Slate(
        user_id=_USER,
        session_id="3-1041",
        version=1058,
        source=Source(partition=3, offset=1057),
        state_digest="6b1f0a9c2d3e4f50",
        trigger_event_id=ev.EventId("u42-7"),
        reason="skipped",
        generated_at_ms=_AT_MS,
        ttl_ms=1_800_000,
        model=_MODEL,
        experiments=("calmer-evenings:treatment",),
        degraded=("fewer_candidates",),
        items=(
            _item("track-9", "music", 1, "neighbours", ("similar_to:track-1", "artist_liked")),
            _item("episode-4", "podcast", 2, "continue", ("continue",)),
        ),
    )


def example_outcomes() -> OutcomeBatch:
    """One served item that was skipped, one play that came from elsewhere."""
    served = Outcome(
        user_id=_USER,
        session_id="3-1041",
        event_id=ev.EventId("u42-7"),
        offset=1057,
        type="skipped",
        item_id=ev.ItemId("track-2"),
        content_type="music",
        at_ms=_AT_MS,
        position_ms=4_000,
        duration_ms=200_000,
        slate_version=1041,
        slot=1,
    )
    other = Outcome(
        user_id=_USER,
        session_id="3-1041",
        event_id=ev.EventId("u42-8"),
        offset=1058,
        type="started",
        item_id=ev.ItemId("video-1"),
        content_type="video",
        at_ms=_AT_MS,
    )
    return OutcomeBatch(partition=3, model=_MODEL, outcomes=(served, other))


def _item(
    item_id: str, content_type: ev.ContentType, rank: int, source: str, reasons: tuple[str, ...]
) -> SlateItem:
    return SlateItem(
        item_id=ev.ItemId(item_id),
        content_type=content_type,
        rank=rank,
        score=1.25 / rank,
        heads={"skip": 0.12, "complete": 0.71, "like": 0.2},
        source=source,
        reasons=reasons,
        sponsored=rank == 2,
        campaign_id="c7" if rank == 2 else None,
    )
