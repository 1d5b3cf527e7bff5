"""When events are due, and that a late generator does not hide it."""

import time
from itertools import pairwise

import pytest

from loadtest.pace import SECOND_NS, FlatOut, LogPace, SteadyPace
from loadtest.sending import due, send_all
from models.data.timed import TimedEvent
from service.core.events import EventId, UserId


def events(*at_ms: int) -> list[TimedEvent]:
    return [TimedEvent(at, UserId("u"), EventId(f"e{at}"), "started", b"{}") for at in at_ms]


def test_a_steady_pace_never_drifts() -> None:
    pace = SteadyPace(per_s=300)  # a third of a hundredth: no whole number of nanoseconds
    assert pace.due_ns(300 * 3600, 0) == 3600 * SECOND_NS


def test_a_logs_rhythm_is_kept_and_only_made_faster() -> None:
    pace = LogPace(speed=60)
    due_ns = [pace.due_ns(n, at) for n, at in enumerate([90_000, 150_000, 150_000, 270_000])]
    assert due_ns == [0, SECOND_NS, SECOND_NS, 3 * SECOND_NS]


def test_flat_out_nothing_is_ever_waited_for() -> None:
    assert FlatOut().due_ns(7, 1_000_000) is None


async def test_a_stalled_generator_dates_events_by_when_they_were_due() -> None:
    """The stall is in the figures of every event it delayed: no coordinated omission."""
    dates = []
    async for event, due_at_ns in due(events(*range(50)), SteadyPace(per_s=10_000)):
        assert due_at_ns is not None
        dates.append(due_at_ns)
        if event.at_ms == 0:
            stalled_until = time.time_ns() + 10_000_000
            while time.time_ns() < stalled_until:
                pass
    assert {b - a for a, b in pairwise(dates)} == {100_000}


async def test_nothing_is_sent_before_it_is_due() -> None:
    async for _, due_at_ns in due(events(*range(20)), SteadyPace(per_s=2_000)):
        assert due_at_ns is not None
        assert time.time_ns() >= due_at_ns


@pytest.mark.parametrize("pace", [FlatOut(), SteadyPace(1e6), LogPace(1e6)])
async def test_all_events_are_sent_in_their_order(
    pace: FlatOut | SteadyPace | LogPace,
) -> None:
    class Sent(list[TimedEvent]):
        async def send(self, event: TimedEvent, sent_at_ns: int | None = None) -> None:
            self.append(event)

    sent = Sent()
    assert await send_all(events(*range(500)), pace, sent) == 500
    assert sent == events(*range(500))
