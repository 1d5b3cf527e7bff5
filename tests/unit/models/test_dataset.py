"""Training examples: the state is from before the play, the labels are what happened then."""

import msgspec
import numpy as np
import pytest

from loadtest.world.catalogue import World, make_world
from loadtest.world.narrate import narrate
from loadtest.world.plays import PlayLog, make_plays
from models.dataset import STALE_EVERY, Examples, Exposures, build_examples, join
from models.metrics import auc
from models.train import cut, judge, learn
from service.core import events as ev
from service.core.candidates import Candidates
from service.core.features import featurize
from service.core.session import EMPTY, fold
from service.core.sessions import session_batch

MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(scale=0.1)


@pytest.fixture(scope="module")
def log(world: World) -> PlayLog:
    return make_plays(world, listeners=40, days=12)


def play(world: World, row: int, at_ms: int, end: str, heard_ms: int) -> list[ev.PlaybackEvent]:
    """A start and what ended it."""
    kinds: dict[str, type[ev.PlaybackEvent]] = {
        "skipped": ev.Skipped,
        "completed": ev.Completed,
        "liked": ev.Liked,
    }
    kind = ev.CONTENT_TYPES[world.table.content_type[row]]
    duration_ms = 1000 * int(world.table.duration_s[row])
    about = {"user_id": "u", "item_id": world.table.ids[row], "content_type": kind}
    started = {**about, "type": "started", "event_id": f"s{at_ms}", "at_ms": at_ms}
    ended = {**started, "type": end, "event_id": f"e{at_ms}", "at_ms": at_ms + heard_ms}
    ended |= {"position_ms": heard_ms, "duration_ms": duration_ms}
    return [msgspec.convert(started, ev.Started), msgspec.convert(ended, kinds[end])]


@pytest.mark.parametrize(
    ("end", "heard_ms", "labels"),
    [
        ("skipped", 4_000, (1, 0, 0)),
        ("skipped", 60_000, (0, 0, 0)),
        ("completed", 200_000, (0, 1, 0)),
        ("liked", 10_000, (0, 0, 1)),
    ],
)
def test_labels_say_what_happened(
    world: World, end: str, heard_ms: int, labels: tuple[int, int, int]
) -> None:
    (exposure,) = Exposures(world.table, 0).walk(play(world, 0, MINUTE_MS, end, heard_ms))
    assert exposure.labels() == labels


def test_a_long_item_left_within_its_first_tenth_is_skipped(world: World) -> None:
    row = int(np.argmax(world.table.duration_s))
    tenth_ms = 100 * int(world.table.duration_s[row])
    early = play(world, row, MINUTE_MS, "skipped", tenth_ms - 1000)
    late = play(world, row, MINUTE_MS, "skipped", tenth_ms + 1000)
    assert [e.labels()[0] for e in Exposures(world.table, 0).walk(early)] == [1]
    assert [e.labels()[0] for e in Exposures(world.table, 0).walk(late)] == [0]


def test_the_state_knows_nothing_of_the_play_itself(world: World) -> None:
    events = play(world, 0, MINUTE_MS, "skipped", 4_000)
    (exposure,) = Exposures(world.table, 0).walk(events)
    assert exposure.state == EMPTY


def test_every_fourth_example_sees_the_item_before_still_playing(world: World) -> None:
    plays = [play(world, n, n * 10 * MINUTE_MS, "skipped", 4_000) for n in range(STALE_EVERY)]
    exposures = list(Exposures(world.table, 0).walk(event for p in plays for event in p))
    assert exposures[-2].state.ring[-1].dwell_s == 4
    assert exposures[-1].state.ring[-1].dwell_s == 0


def test_features_equal_those_that_serving_computes(world: World, log: PlayLog) -> None:
    events = list(narrate(world, log))
    examples = build_examples(world.table, events)
    first = next(e for e in events if isinstance(e, ev.Started))
    state = EMPTY
    seconds = [e for e in events if e.user_id == first.user_id]
    before = next(n for n, e in enumerate(seconds) if isinstance(e, ev.Started) and n > 0)
    for offset, event in enumerate(seconds[:before]):
        state = fold(state, event, ev.Record(0, offset, event.at_ms, None, None))[0]
    asked = seconds[before]
    assert isinstance(asked, ev.Started)
    row = np.array([world.table.rows[asked.item_id]], dtype=np.int32)
    owner = np.zeros(1, np.int32)
    served = featurize(
        session_batch(world.table, [state]), Candidates(owner, row, owner.astype(np.uint32))
    )
    at = int(np.flatnonzero((examples.at_ms == asked.at_ms) & (examples.rows == row[0]))[0])
    assert (examples.candidate[at] == served.candidate[0]).all()
    assert (examples.user[at] == served.user[0]).all()


def test_examples_are_in_order_of_time_and_can_be_cut(world: World, log: PlayLog) -> None:
    middle = int(np.median(log.at_ms))
    examples = build_examples(world.table, narrate(world, log), from_ms=middle)
    assert len(examples) == (log.at_ms >= middle).sum()
    assert (np.diff(examples.at_ms) >= 0).all()
    parts = cut(examples, 0.7, 0.8)
    assert len(parts.fit) + len(parts.calibrate) + len(parts.test) == len(examples)
    assert parts.fit.at_ms.max() <= parts.calibrate.at_ms.min()
    assert parts.calibrate.at_ms.max() <= parts.test.at_ms.min()
    assert (join([parts.fit, parts.calibrate, parts.test]).rows == examples.rows).all()


def test_plays_that_no_slate_served_can_be_left_out(world: World) -> None:
    events = play(world, 0, MINUTE_MS, "skipped", 4_000)
    served = ev.Served(slate_version=3, slot=1)
    events += [
        msgspec.structs.replace(event, served=served)
        for event in play(world, 1, 2 * MINUTE_MS, "skipped", 4_000)
    ]
    assert build_examples(world.table, events).rows.tolist() == [0, 1]
    assert build_examples(world.table, events, only_served=True).rows.tolist() == [1]


def test_an_item_that_the_catalogue_does_not_know_makes_no_example(world: World) -> None:
    events = [
        msgspec.structs.replace(event, item_id="unknown")
        for event in play(world, 0, MINUTE_MS, "skipped", 4_000)
    ]
    assert len(build_examples(world.table, events)) == 0


def test_training_on_a_small_log_beats_popularity(world: World, log: PlayLog) -> None:
    stretches = cut(build_examples(world.table, narrate(world, log)), 0.8, 0.9)
    report = judge(learn([stretches], seed=0), world.table, stretches)
    assert report["ranker"]["skip"]["auc"] > report["popularity"]["skip"]["auc"]
    assert sum(report["examples"].values()) == len(log)


def test_auc_is_of_a_whole_stretch(world: World, log: PlayLog) -> None:
    examples: Examples = build_examples(world.table, narrate(world, log))
    popular = world.table.log_popularity[examples.rows]
    assert auc(-popular, examples.labels[:, 0]) > 0.5
