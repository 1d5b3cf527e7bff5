"""The latency check's bookkeeping: pairing, percentiles, slices, stages, verdict."""

from itertools import islice
from typing import Any

import pytest

from loadtest.figures import Latencies
from loadtest.latency.answers import Answer, Asked, latencies_ns
from loadtest.latency.crowd import crowd_events, make_stories
from loadtest.latency.plan import Slice, slices
from loadtest.latency.report import RATIO_MAX, Verdict, lines
from loadtest.stages import STAGES, Stages, spans_ns
from loadtest.world.catalogue import World
from service.core.events import Record
from service.core.wire import decode


def asked(user: bytes, offset: int, due_at_ns: int = 0) -> Asked:
    return Asked(user, offset, due_at_ns)


def test_an_event_is_answered_by_the_first_slate_at_or_past_it() -> None:
    answers = [Answer(b"u", 4, 40), Answer(b"u", 9, 90)]
    assert latencies_ns([asked(b"u", 4, 10), asked(b"u", 5, 20)], answers) == [30, 70]


def test_one_slate_answers_every_event_of_its_user_so_far() -> None:
    assert latencies_ns([asked(b"u", n) for n in (1, 2, 3)], [Answer(b"u", 3, 50)]) == [50] * 3


def test_a_slate_answers_nobody_else() -> None:
    assert latencies_ns([asked(b"u", 1), asked(b"v", 2)], [Answer(b"v", 9, 50)]) == [50]


def test_an_answer_that_comes_again_changes_nothing() -> None:
    answers = [Answer(b"u", 3, 90), Answer(b"u", 3, 50), Answer(b"u", 2, 95)]
    assert latencies_ns([asked(b"u", 2), asked(b"u", 3)], answers) == [50, 50]


def test_percentiles_are_those_of_the_durations_to_three_digits() -> None:
    latencies = Latencies()
    for ms in range(1, 1001):
        latencies.record_ns(ms * 1_000_000)
    assert len(latencies) == 1000
    assert latencies.at_ms(50) == pytest.approx(500, rel=0.002)
    assert latencies.at_ms(99) == pytest.approx(990, rel=0.002)
    assert latencies.at_ms(99.9) == pytest.approx(999, rel=0.002)
    assert latencies.max_ms == pytest.approx(1000, rel=0.002)


def test_a_duration_below_zero_counts_as_none_and_one_beyond_the_range_as_the_longest() -> None:
    latencies = Latencies()
    latencies.record_ns(-5_000_000)
    latencies.record_ns(10**15)
    assert len(latencies) == 2
    assert latencies.at_ms(1) == pytest.approx(0.001)


def test_nothing_counted_reads_as_zero() -> None:
    assert Latencies().summary() == {
        "p50_ms": 0.0,
        "p90_ms": 0.0,
        "p99_ms": 0.0,
        "p999_ms": 0.0,
        "max_ms": 0.0,
    }


@pytest.mark.parametrize("measured_s", [1, 5, 12, 20])
def test_both_systems_are_measured_equally_long_and_warmed_up_before(measured_s: float) -> None:
    plan = list(slices(measured_s))
    assert [piece.measured_s for piece in plan[:2]] == [0, 0]
    for system in ("segue", "echo"):
        mine = [piece for piece in plan if piece.system == system]
        assert sum(piece.measured_s for piece in mine) == measured_s


def test_the_first_events_of_a_slice_are_sent_but_not_counted() -> None:
    assert Slice("echo", settle_s=1, measured_s=5).events(rate=500) == (3000, 500)


def headers(**times: int) -> dict[str, bytes]:
    return {f"segue.{name}": b"%d" % value for name, value in times.items()}


def test_stages_run_from_header_to_header_and_store_beside_rank() -> None:
    ms = 1_000_000
    times = headers(
        sent_at_ns=100 * ms,
        appended_at_ms=102,
        polled_at_ns=105 * ms,
        stored_at_ns=107 * ms,
        ranked_at_ns=111 * ms,
    )
    assert spans_ns(times, received_at_ns=114 * ms) == {
        "append": 2 * ms,
        "poll": 3 * ms,
        "store": 2 * ms,
        "rank": 6 * ms,
        "publish": 3 * ms,
        "total": 14 * ms,
    }


def test_a_slate_that_does_not_say_its_times_is_left_out() -> None:
    stages = Stages()
    stages.record(Record(0, 0, 0, b"u", b"{}", (("segue.sent_at_ns", b"1"),)), 5)
    assert all(len(stages.figures[stage]) == 0 for stage in STAGES)


def figures(ratio: float, lost: int = 0) -> dict[str, Any]:
    side = {"sent": 10, "lost": lost, **Latencies().summary()}
    return {
        "segue": side,
        "echo": side,
        "stages": {stage: Latencies().summary() for stage in STAGES},
        "generator_late_p99_ms": 0.1,
        "ratio_p99": ratio,
    }


@pytest.mark.parametrize(
    ("ratio", "lost", "passed"),
    [
        (RATIO_MAX, 0, True),
        (RATIO_MAX + 0.01, 0, False),
        (1.0, 1, False),  # an event without an answer is no fast event
        (0.0, 0, False),  # nothing was measured
    ],
)
def test_the_objective_is_kept_only_when_every_event_was_answered_in_time(
    ratio: float, lost: int, passed: bool
) -> None:
    verdict = Verdict(figures(ratio, lost))
    assert verdict.passed is passed
    assert verdict.as_json()["passed"] is passed
    assert ("NOT kept" in lines(verdict)[-1]) is not passed


def test_a_crowds_users_take_turns_with_events_that_the_worker_reads(small_world: World) -> None:
    stories = make_stories(small_world)
    told = list(islice(crowd_events(stories, 100, "run"), 350))
    assert len({event.event_id for event in told}) == 350
    turns = [[event.user_id for event in told[at : at + 100]] for at in (0, 100, 200)]
    assert len(set(turns[0])) == 100
    assert turns[0] == turns[1] == turns[2]
    assert all(decode(Record(0, 0, e.at_ms, e.key, e.value)) for e in told)
    assert "progressed" not in {event.type for event in told}  # no slate follows a heartbeat
