"""Placebos are quiet where nothing is, loud where something is, and a loud one is an exit code."""

from pathlib import Path

import pytest
import typer

from loadtest.commands_world import refuse_if_loud
from loadtest.world.arms import PopularArm, RandomArm
from loadtest.world.build import save_vectors
from loadtest.world.catalogue import World
from loadtest.world.closed_loop import Heard, run_arm
from loadtest.world.evaluation import evaluate_world
from loadtest.world.placebos import of_halves, of_pair
from loadtest.world.plays import PlayLog
from loadtest.world.tables import tables
from loadtest.world.training import Extent, Files
from loadtest.world.untaught import drawn_arm, examples_of

LISTENERS = 24


@pytest.fixture(scope="module")
def popular(small_known: World) -> Heard:
    return run_arm(small_known, PopularArm(small_known), listeners=LISTENERS)


@pytest.fixture(scope="module")
def by_lot(small_known: World) -> Heard:
    return run_arm(small_known, RandomArm(small_known, 7), listeners=LISTENERS)


def test_one_arm_against_itself_is_quiet(popular: Heard, by_lot: Heard, small_known: World) -> None:
    other = run_arm(small_known, RandomArm(small_known, 8), listeners=LISTENERS)
    assert not of_pair("twice", popular, popular, seed=1).loud
    assert not of_pair("two seeds", by_lot, other, seed=1).loud
    assert not of_halves(popular, seed=1).loud


def test_a_difference_that_is_there_is_loud(popular: Heard, by_lot: Heard) -> None:
    assert of_pair("charts against chance", popular, by_lot, seed=1).loud
    assert of_pair("chance against charts", by_lot, popular, seed=1).loud


def test_a_one_sided_placebo_is_loud_only_if_the_first_is_better(
    popular: Heard, by_lot: Heard
) -> None:
    assert of_pair("above", popular, by_lot, seed=1, one_sided=True).loud
    assert not of_pair("above", by_lot, popular, seed=1, one_sided=True).loud


@pytest.mark.timeout(180)  # 10 s alone; other tests may run beside it
def test_shuffled_labels_teach_nothing_and_labels_in_their_places_do(
    small_known: World, small_log: PlayLog, popular: Heard
) -> None:
    examples = examples_of(small_known, small_log, listeners=40)
    untaught, taught = (
        run_arm(
            small_known,
            drawn_arm(small_known, examples, shuffled=shuffled, seed=7, epochs=40),
            listeners=LISTENERS,
        )
        for shuffled in (True, False)
    )
    assert not of_pair("shuffled", untaught, popular, seed=1, one_sided=True).loud
    assert of_pair("in place", taught, popular, seed=1, one_sided=True).loud


def test_a_loud_placebo_ends_with_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = {"a": {"verdict": "quiet"}, "b": {"verdict": "loud"}}
    with pytest.raises(typer.Exit) as ended:
        refuse_if_loud({"placebos": verdicts})
    assert ended.value.exit_code == 1
    assert "loud placebo: b" in capsys.readouterr().err
    refuse_if_loud({"placebos": {"a": verdicts["a"]}})


@pytest.mark.timeout(180)  # 10 s alone; other tests may run beside it
def test_a_whole_report_of_a_small_world(small_known: World, tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    save_vectors(path, small_known.table.vectors, small_known.table)
    extent = Extent(listeners=24, days=8, scale=0.1)
    report = evaluate_world(listeners=8, files=Files(vectors=path), extent=extent)
    assert list(report["arms"]) == ["random", "popular", "vsknn", "segue", "oracle"]
    assert report["regret"]["segue"]["affinity"]["high"] < 1
    assert len(report["placebos"]) == 6
    same = report["placebos"]["the service, twice"]["differences"]
    assert all(each == {"mean": 0.0, "low": 0.0, "high": 0.0} for each in same.values())
    headings = [line for line in tables(report) if line and not line[0].isspace() and ":" in line]
    assert headings
    assert all(line.startswith("simulated: ") for line in headings)
