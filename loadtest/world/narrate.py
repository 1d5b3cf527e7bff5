"""Plays told as playback events, the way a player would report them."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, TypeVar

from loadtest.world.catalogue import World
from loadtest.world.plays import PlayLog
from loadtest.world.session import Outcome
from service.core import events as ev

_Told = TypeVar("_Told", ev.Progressed, ev.Liked, ev.Saved, ev.Disliked, ev.Skipped, ev.Completed)

HEARTBEAT_FROM_MS = 600_000
"""Plays at least this long report their position once, half way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """One play as its player knows it."""

    world: World
    user_id: str
    row: int
    at_ms: int  # when it started
    event_id: str  # of its start; the events after it append a letter
    start_ms: int = 0  # the position it started from
    served: ev.Served | None = None

    @property
    def about(self) -> dict[str, Any]:
        """The fields that all events of the play share."""
        table = self.world.table
        return {
            "user_id": self.user_id,
            "item_id": table.ids[self.row],
            "content_type": ev.CONTENT_TYPES[table.content_type[self.row]],
            "artist_id": table.artist_ids[table.artist[self.row]],
            "duration_ms": 1000 * int(table.duration_s[self.row]),
            "served": self.served,
        }


def start_event(playing: Playing) -> ev.Started:
    """The event that a player sends when it begins to play the item."""
    return ev.Started(
        event_id=ev.EventId(playing.event_id),
        at_ms=playing.at_ms,
        position_ms=playing.start_ms,
        **playing.about,
    )


def outcome_events(playing: Playing, outcome: Outcome) -> list[ev.PlaybackEvent]:
    """What follows the start: heartbeats, verdicts, the end; in order of time."""
    told: list[ev.PlaybackEvent] = []
    if outcome.listened_ms >= HEARTBEAT_FROM_MS:
        told.append(_fact(ev.Progressed, playing, outcome, 0.5))
    if outcome.liked > 0:
        told.append(_fact(ev.Liked, playing, outcome, 0.7))
    if outcome.saved:
        told.append(_fact(ev.Saved, playing, outcome, 0.8))
    if outcome.liked < 0:
        told.append(_fact(ev.Disliked, playing, outcome, 1.0))
    if outcome.end == "skipped":
        return [*told, _fact(ev.Skipped, playing, outcome, 1.0)]
    return [*told, _fact(ev.Completed, playing, outcome, 1.0)]


def _fact(kind: type[_Told], playing: Playing, outcome: Outcome, share: float) -> _Told:
    """An event after `share` of what was listened to."""
    heard_ms = int(outcome.listened_ms * share)
    return kind(
        event_id=ev.EventId(f"{playing.event_id}.{kind.__name__.lower()}"),
        at_ms=playing.at_ms + heard_ms,
        position_ms=outcome.start_ms + heard_ms,
        **playing.about,
    )


def narrate(world: World, log: PlayLog) -> Iterator[ev.PlaybackEvent]:
    """Tell a whole log, ordered by time over all listeners."""
    pending: list[tuple[int, int, ev.PlaybackEvent]] = []
    columns = (log.user.tolist(), log.at_ms.tolist(), log.last_of_session.tolist())
    for index, (user, at_ms, last, outcome) in enumerate(zip(*columns, outcomes(log), strict=True)):
        while pending and pending[0][0] <= at_ms:
            yield heappop(pending)[2]
        playing = Playing(
            world=world,
            user_id=user_name(user),
            row=outcome.row,
            at_ms=at_ms,
            event_id=f"w{index}",
            start_ms=outcome.start_ms,
        )
        yield start_event(playing)
        told = outcome_events(playing, outcome)
        if last:
            told.append(session_ended(playing.user_id, told[-1].at_ms + 1000))
        for number, event in enumerate(told):
            heappush(pending, (event.at_ms, 8 * index + number, event))
    while pending:
        yield heappop(pending)[2]


def outcomes(log: PlayLog) -> Iterator[Outcome]:
    """The log's plays as outcomes."""
    columns = (
        log.row,
        log.start_ms,
        log.listened_ms,
        log.skipped,
        log.liked,
        log.saved,
        log.affinity,
    )
    for row, start, listened, skipped, liked, saved, affinity in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield Outcome(
            row, start, listened, "skipped" if skipped else "completed", liked, saved, affinity
        )


def user_name(index: int) -> str:
    """The user id of listener number `index`."""
    return f"listener-{index:05d}"


def session_ended(user_id: str, at_ms: int) -> ev.SessionEnded:
    """The event that a player sends when it is closed."""
    mark = ev.EventId(f"{user_id}.{at_ms}.ended")
    return ev.SessionEnded(event_id=mark, user_id=ev.UserId(user_id), at_ms=at_ms)
