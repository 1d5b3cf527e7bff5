"""Who sends what: many users, each telling what a listener of the world did, event by event.

More users than listeners: the stories of a few are told by many, each from a place of its own in
it (superposed copies, not a faster life). Users take turns in a shuffled order, so that one user's
events are as far apart as the rate allows. Heartbeats are left out: by contract no slate follows.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Final

from msgspec.structs import replace

from loadtest.world.catalogue import World
from loadtest.world.narrate import narrate
from loadtest.world.plays import make_plays
from models.data.timed import TimedEvent, timed
from service.core.events import EventId, PlaybackEvent, UserId
from service.core.session import is_quiet

STORIES: Final = 40
STORY_DAYS: Final = 4.0
SEED: Final = 11


def make_stories(world: World) -> list[list[PlaybackEvent]]:
    """Let some listeners listen for some days; return what each did, heartbeats left out."""
    log = make_plays(world, listeners=STORIES, days=STORY_DAYS)
    stories: dict[str, list[PlaybackEvent]] = {}
    for event in narrate(world, log):
        if not is_quiet(event):
            stories.setdefault(event.user_id, []).append(event)
    return list(stories.values())


def crowd_events(
    stories: Sequence[Sequence[PlaybackEvent]], users: int, run: str
) -> Iterator[TimedEvent]:
    """Yield events without end, of `users` users in turn, dated now.

    Args:
        stories: What there is to tell.
        users: How many tell it.
        run: Marks users and event ids, so that runs do not meet in one store.
    """
    random = Random(SEED)
    order = random.sample(range(users), users)
    starts = [random.randrange(len(stories[user % len(stories)])) for user in range(users)]
    for number in count():
        user = order[number % users]
        story = stories[user % len(stories)]
        event = story[(starts[user] + number // users) % len(story)]
        yield timed(
            replace(
                event,
                user_id=UserId(f"{run}-{user}"),
                event_id=EventId(f"{run}-{number}"),
                at_ms=time.time_ns() // 1_000_000,
            )
        )
