"""Listeners in a closed loop: each hears the next item of its newest slate, and reacts.

Time is compressed by a factor, in the pauses between events alone: positions say how long an item
was truly heard, event times are the clock's. So a session keeps its order and its dwell times, and
hundreds of events a second need no more listeners than fit into memory. No I/O, no clock in here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

from msgspec.structs import replace

from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.narrate import Playing, outcome_events, start_event
from loadtest.world.plays import SESSION_LEN_MEAN, pause_ms
from loadtest.world.policy import MixedPolicy
from loadtest.world.session import LiveListener
from service.core.events import EventId, PlaybackEvent, Served, SessionEnded, UserId
from service.core.slates import Slate

BETWEEN_SESSIONS_MS: Final = 600_000
CYCLE_MS: Final = 360_000.0
"""One play and the pause after it, on average: measured over a minute of the demo."""
EVENTS_PER_PLAY: Final = 2.3
ANSWER_MS: Final = 60.0
"""A player starts its next item no sooner after an event, by the wall: the slate is on its way."""


@dataclass
class Player:
    """One listener and its player."""

    live: LiveListener
    user_id: UserId
    queue: list[tuple[int, Served]] = field(default_factory=list)  # rows not heard yet, next first
    last: int | None = None  # the last row that was not skipped
    told: Iterator[int] = field(default_factory=count)  # numbers its events
    left: int = 0  # plays until the session ends


@dataclass
class Heard:
    """What the listeners did so far."""

    plays: int = 0
    skips: int = 0
    from_slates: int = 0

    @property
    def skip_rate(self) -> float:
        """Share of plays that were skipped, in [0, 1]."""
        return self.skips / self.plays if self.plays else 0.0


class Audience:
    """Listeners, and what each will send next."""

    def __init__(self, world: World, listeners: int, run: str) -> None:
        self.heard = Heard()
        self._world = world
        self._run = run
        self._policy = MixedPolicy(world)  # what plays before the first slate
        self._agenda: list[tuple[float, int, Player, PlaybackEvent | None]] = []
        self._order = count()
        self._players: dict[UserId, Player] = {}
        for index in range(listeners):
            live = LiveListener(world, make_listener(world, index))
            player = Player(live, UserId(live.listener.user_id))
            self._players[player.user_id] = player
            self._put(CYCLE_MS * index / listeners, player, None)  # they come one after another

    def __len__(self) -> int:
        """How many listeners there are."""
        return len(self._players)

    def take_slate(self, slate: Slate) -> None:
        """Give a listener's player its newest slate: it replaces what was queued."""
        player = self._players.get(slate.user_id)
        if player is None:
            return  # somebody at the page
        player.queue = [
            (row, Served(slate_version=slate.version, slot=slot))
            for slot, item in enumerate(slate.items)
            if (row := self._world.table.row_of(item.item_id)) is not None
        ]

    @property
    def next_ms(self) -> float:
        """When somebody does something next, in simulated milliseconds."""
        return self._agenda[0][0]

    def act(self, now_ms: int, answer_ms: float) -> PlaybackEvent:
        """Let the next listener act; return the event, dated `now_ms`.

        Args:
            now_ms: The wall clock.
            answer_ms: The least simulated time from an event to the next item's start.
        """
        at_ms, _, player, event = heappop(self._agenda)
        if event is None:
            event = self._start(player, at_ms, answer_ms)
        return replace(event, at_ms=now_ms)

    def _start(self, player: Player, at_ms: float, answer_ms: float) -> PlaybackEvent:
        if player.left == 0:
            player.live.open_session()
            player.left = int(player.live.rng.geometric(1 / SESSION_LEN_MEAN))
        row, served = self._next_item(player)
        event_id = f"{self._run}-{player.user_id}-{next(player.told)}"
        outcome = player.live.listen(row)
        playing = Playing(
            world=self._world,
            user_id=player.user_id,
            row=row,
            at_ms=0,
            event_id=event_id,
            start_ms=outcome.start_ms,
            served=served,
        )
        skipped = outcome.end == "skipped"
        self._count(skipped=skipped, served=served is not None)
        player.last = player.last if skipped else row
        told = outcome_events(playing, outcome)
        self._plan(player, told, at_ms, answer_ms)
        gap_ms = pause_ms(player.live.rng, outcome.listened_ms, skipped=skipped)
        self._after(
            player, at_ms + max(told[-1].at_ms, answer_ms) + max(gap_ms, answer_ms), event_id
        )
        return start_event(playing)

    def _plan(
        self, player: Player, told: Sequence[PlaybackEvent], at_ms: float, answer_ms: float
    ) -> None:
        for event in told:
            self._put(at_ms + max(event.at_ms, answer_ms), player, event)

    def _after(self, player: Player, at_ms: float, event_id: str) -> None:
        """Plan the next start, after the session's end if this was its last play."""
        player.left -= 1
        if player.left == 0:
            ended = SessionEnded(
                event_id=EventId(f"{event_id}.end"), user_id=player.user_id, at_ms=0
            )
            self._put(at_ms, player, ended)
            at_ms += BETWEEN_SESSIONS_MS
        self._put(at_ms, player, None)

    def _next_item(self, player: Player) -> tuple[int, Served | None]:
        if player.queue:
            return player.queue.pop(0)
        row, _ = self._policy.choose(player.live, player.last)
        return row, None

    def _count(self, *, skipped: bool, served: bool) -> None:
        self.heard.plays += 1
        self.heard.skips += skipped
        self.heard.from_slates += served

    def _put(self, at_ms: float, player: Player, event: PlaybackEvent | None) -> None:
        heappush(self._agenda, (at_ms, next(self._order), player, event))


def speed_for(rate: float, listeners: int) -> float:
    """Return the factor of time at which so many listeners send about `rate` events a second."""
    return rate * CYCLE_MS / (1000 * listeners * EVENTS_PER_PLAY)
