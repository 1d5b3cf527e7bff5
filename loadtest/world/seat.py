"""A listener in a seat: hears what is played, and reports it as events that are folded at once.

The closed loop that evaluation, training and demo traffic share.
"""

from dataclasses import dataclass, field
from typing import Final

from loadtest.world.catalogue import World
from loadtest.world.listeners import make_listener
from loadtest.world.narrate import Playing, outcome_events, session_ended, start_event
from loadtest.world.plays import BETWEEN_SESSIONS_MS, START_MS, pause_ms
from loadtest.world.policy import MixedPolicy
from loadtest.world.session import LiveListener, Outcome
from service.core import events as ev
from service.core.session import EMPTY, SessionState, fold
from service.core.steering import SteerIntent

WARM_UP_SESSIONS: Final = 2
WARM_UP_PLAYS: Final = 10


@dataclass(slots=True)
class Seat:
    """A listener, what the service holds of them, and their own time."""

    live: LiveListener
    now_ms: int = START_MS
    state: SessionState = EMPTY
    told: list[ev.PlaybackEvent] = field(default_factory=list)

    def hear(self, row: int, served: ev.Served | None = None) -> Outcome:
        """Play the item, report it, fold the report."""
        start_ms = self.live.resume_ms.get(row, 0)
        outcome = self.live.listen(row)
        playing = Playing(
            world=self.live.world,
            user_id=self.live.listener.user_id,
            row=row,
            at_ms=self.now_ms,
            event_id=f"c{len(self.told)}",
            start_ms=start_ms,
            served=served,
        )
        for event in (start_event(playing), *outcome_events(playing, outcome)):
            self.tell(event)
        skipped = outcome.end == "skipped"
        gap_ms = pause_ms(self.live.rng, outcome.listened_ms, skipped=skipped)
        self.now_ms += outcome.listened_ms + gap_ms
        return outcome

    def open_session(self) -> None:
        """End the last session and begin one after a long pause."""
        if self.told:
            self.tell(session_ended(self.live.listener.user_id, self.now_ms))
        self.now_ms += BETWEEN_SESSIONS_MS
        self.live.open_session()

    def steer(self, intent: SteerIntent) -> None:
        """Say what should come next."""
        user_id = ev.UserId(self.live.listener.user_id)
        mark = ev.EventId(f"{user_id}.{len(self.told)}.steered")
        self.tell(ev.Steered(event_id=mark, user_id=user_id, at_ms=self.now_ms, intent=intent))

    def tell(self, event: ev.PlaybackEvent) -> None:
        """Report one event: it is kept and folded."""
        record = ev.Record(0, len(self.told), event.at_ms, None, None)
        self.state, _ = fold(self.state, event, record)
        self.told.append(event)


def warm_seat(
    world: World,
    number: int,
    begin_ms: int = START_MS,
    *,
    sessions: int = WARM_UP_SESSIONS,
    policy: MixedPolicy | None = None,
) -> Seat:
    """Listener `number` after some sessions without a recommender.

    `policy` is the world's mixed policy, to be given when many listeners warm up: it remembers
    what it has looked up, and nothing of listeners.
    """
    seat = Seat(LiveListener(world, make_listener(world, number)), begin_ms)
    policy, last = policy or MixedPolicy(world), None
    for _ in range(sessions):
        seat.open_session()
        for _ in range(WARM_UP_PLAYS):
            row, _part = policy.choose(seat.live, last)
            last = row if seat.hear(row).end == "completed" else last
    return seat
