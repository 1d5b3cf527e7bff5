"""Calibration by content type: enough plays of each, and intervals that mean something.

Also a ranker that is read back from its graph, to be calibrated again.
"""

from pathlib import Path

import numpy as np
import pytest

from loadtest.world.build import save_vectors
from loadtest.world.catalogue import World
from loadtest.world.recalibration import recalibrate_world
from loadtest.world.rounds import ArrayScorer, served_seats
from loadtest.world.training import RANKER, Files
from loadtest.world.type_calibration import error_interval, served_parts, type_calibration
from models.calibration import calibrated
from models.dataset import Examples, join
from models.graph_reading import read_ranker
from models.ranker import Ranker
from service.adapters.onnx import OnnxScorer
from service.core.events import CONTENT_TYPES, Started

LISTENERS = 48


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return read_ranker(RANKER)


@pytest.fixture(scope="module")
def parts(small_known: World, ranker: Ranker) -> list[Examples]:
    return served_parts(small_known, ArrayScorer(ranker), 9, listeners=LISTENERS)


def test_the_rare_content_types_are_heard_as_often_as_music(parts: list[Examples]) -> None:
    shares = np.bincount(join(parts).kind, minlength=len(CONTENT_TYPES)) / len(join(parts))
    assert shares.min() > 0.15


def test_without_that_they_are_not(small_known: World, ranker: Ranker) -> None:
    seats = served_seats(small_known, ArrayScorer(ranker), 9, listeners=12)
    told = [event for seat in seats for event in seat.told]
    served = [e for e in told if isinstance(e, Started) and e.served]
    assert sum(e.content_type == "audiobook" for e in served) < 0.1 * len(served)


def test_a_ranker_read_back_says_what_its_file_says(parts: list[Examples], ranker: Ranker) -> None:
    features = join(parts).features
    np.testing.assert_allclose(
        ranker.score(features), OnnxScorer.load(RANKER).score(features), atol=1e-5
    )


def test_calibrating_by_type_takes_a_type_s_error_away(
    parts: list[Examples], ranker: Ranker
) -> None:
    examples = join(parts)
    off = ranker.with_arrays({"offset": ranker.offset + np.array([[0], [2], [0], [0]])})
    mended = calibrated(off, off.logits(examples.features), examples.labels, examples.kind)
    worse, better = (
        type_calibration(ArrayScorer(each), parts, seed=1)["podcast"]["skip"]
        for each in (off, mended)
    )
    assert worse["ece"] > 0.2
    assert worse["low"] > worse["floor"]
    assert better["low"] < better["floor"] + 0.02


def test_the_interval_of_what_is_true_reaches_down_to_little() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(4000).astype(np.float32)
    true = (rng.random(4000) < said).astype(np.float32)
    listener = np.arange(4000) // 20
    low, high = error_interval(said, true, listener, 200, seed=1)
    assert low < 0.02
    assert high < 0.05
    low, _ = error_interval(np.clip(said + 0.2, 0, 1), true, listener, 200, seed=1)
    assert low > 0.1


def test_the_committed_weights_are_calibrated_anew_and_loaded(
    small_known: World, ranker: Ranker, tmp_path: Path
) -> None:
    vectors = tmp_path / "vectors.npz"
    save_vectors(vectors, small_known.table.vectors, small_known.table)
    files = Files(vectors=vectors)
    done = recalibrate_world(files, out=tmp_path / "new", listeners=16, scale=0.1)
    assert set(done.before) == set(done.after) == set(CONTENT_TYPES)
    mended = read_ranker(tmp_path / "new")
    np.testing.assert_array_equal(mended.w2, ranker.w2)
    assert not np.array_equal(mended.slope, ranker.slope)
    assert OnnxScorer.load(tmp_path / "new").heads == ranker.heads
