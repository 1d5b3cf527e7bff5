"""A smaller model is still a model, and its price is told."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.compress import Compression, compress
from models.compress_report import text_of
from models.export import FILE, export
from models.holdout import Holdout, ndcg
from models.initial import initial_ranker
from models.ranker import Ranker
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.features import CANDIDATE_FEATURES, SESSION_FEATURES, Features
from service.settings import ModelSettings

SHIPPED = ModelSettings().path
USERS, CANDS = len(SESSION_FEATURES), len(CANDIDATE_FEATURES)


def some_features(rows: int) -> Features:
    draws = np.random.default_rng(1)
    return Features(
        draws.normal(size=(rows, USERS)).astype(np.float32),
        np.arange(rows, dtype=np.int32),
        draws.normal(size=(rows, CANDS)).astype(np.float32),
        draws.integers(0, 4, rows, dtype=np.uint8),
    )


def some_ranker() -> Ranker:
    asked = some_features(2000)
    ranker = initial_ranker(asked.user, asked.candidate, np.random.default_rng(0))
    return ranker.with_arrays({"w3": 10 * ranker.w3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export(some_ranker(), tmp_path / "model", window="a test", seed=1, metrics={"auc": 0.8})
    return tmp_path / "model"


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    graph = onnx.load_model(folder / FILE).graph
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_pruning_zeroes_the_smallest_share_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    report = compress(folder, tmp_path / "small", Compression(prune=0.25), None)
    before, after = weights_of(folder), weights_of(tmp_path / "small")
    for name in ("w_user", "w_cand", "w2"):
        gone = after[name] == 0
        assert gone.mean() == pytest.approx(0.25, abs=0.01)
        assert np.abs(before[name][gone]).max() <= np.abs(before[name][~gone]).min()
        assert (after[name][~gone] == before[name][~gone]).all()
    assert (before["w3"] == after["w3"]).all()
    assert 0.8 < report["heads"]["skip"]["spearman"] < 1
    assert report["batch_dependence"] == 0


def test_eight_bits_are_smaller_nearly_as_good_and_say_that_they_see_the_batch(
    folder: Path, tmp_path: Path
) -> None:
    report = compress(folder, tmp_path / "small", Compression(int8=True), None)
    assert report["bytes"]["new"] < report["bytes"]["old"]
    assert all(0.97 < head["spearman"] < 1 for head in report["heads"].values())
    assert report["batch_dependence"] > 0
    assert "with who else is in the call" in text_of(report)
    assert min(report["us_per_user"].values()) > 0


@pytest.mark.parametrize("how", [Compression(int8=True), Compression(int8=True, prune=0.3)])
def test_the_smaller_model_loads_as_another_version_that_says_where_it_is_from(
    folder: Path, tmp_path: Path, how: Compression
) -> None:
    report = compress(folder, tmp_path / "small", how, None)
    old, new = OnnxScorer.load(folder).model, OnnxScorer.load(tmp_path / "small").model
    assert new.version == report["version"] != old.version
    manifest = json.loads((tmp_path / "small" / "manifest.json").read_text())
    assert manifest["compression"]["of"] == old.version
    assert manifest["compression"]["how"] == str(how)
    assert manifest["metrics"] == {"auc": 0.8}


def test_with_labels_the_price_is_in_quality(folder: Path, tmp_path: Path) -> None:
    asked = some_features(4000)
    heads = some_ranker().score(asked)
    drawn = np.random.default_rng(2).random(heads.shape) < heads
    Holdout(asked, drawn.astype(np.float32)).save(tmp_path / "held.npz")
    how = Compression(prune=0.8)
    report = compress(folder, tmp_path / "small", how, tmp_path / "held.npz")
    quality = report["heads"]["skip"]["quality"]
    assert quality["metric"] == "auc"
    assert quality["new"] < quality["old"] - 0.02
    assert "auc" in text_of(report)


def test_the_shipped_model_can_be_compressed_too(tmp_path: Path) -> None:
    report = compress(SHIPPED, tmp_path / "small", Compression(int8=True), None)
    assert report["heads"]["skip"]["spearman"] > 0.9


@pytest.mark.parametrize("how", [Compression(), Compression(prune=1.0), Compression(prune=-0.1)])
def test_nothing_to_do_is_refused(folder: Path, tmp_path: Path, how: Compression) -> None:
    with pytest.raises(Refused, match="nothing to compress"):
        compress(folder, tmp_path / "small", how, None)


def test_a_folder_with_something_in_it_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        compress(folder, tmp_path, Compression(int8=True), None)


def test_ndcg_counts_ties_against_the_ranker_and_missing_targets_as_nothing() -> None:
    owner = np.array([0, 0, 0, 1, 1, 2], np.int32)
    labels = np.array([0, 1, 0, 1, 0, 0], np.float32)
    scores = np.array([0.9, 0.5, 0.1, 0.5, 0.5, 0.7], np.float32)
    second = 1 / np.log2(3)
    assert ndcg(owner, scores, labels) == pytest.approx((second + second + 0) / 3)
