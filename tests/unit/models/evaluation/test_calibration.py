"""Calibration error beside the error that chance alone makes."""

import numpy as np
import pytest

from models.evaluation.calibration import calibration, calibration_by_type, head_calibration


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_the_error_is_the_mean_gap_of_bins_counted_by_hand() -> None:
    # 30 examples, 15 bins of two: .2 is said and half of each bin is seen, then .9 and all seen.
    scores = np.repeat(f32(0.2, 0.9), (16, 14))
    labels = np.concatenate([np.tile(f32(0, 1), 8), np.ones(14, np.float32)])
    found = calibration(scores, labels)
    assert found.ece == pytest.approx((16 * 0.3 + 14 * 0.1) / 30, abs=1e-6)


def test_a_model_whose_words_come_true_is_at_its_floor_and_not_above() -> None:
    draws = np.random.default_rng(1)
    scores = draws.uniform(0.05, 0.6, 6000).astype(np.float32)
    true = (draws.random(6000) < scores).astype(np.float32)
    found = calibration(scores, true)
    assert 0.005 < found.floor < 0.03
    assert found.ece < 1.6 * found.floor
    wrong = calibration(np.asarray(scores + 0.1, np.float32), true)
    assert wrong.ece == pytest.approx(0.1, abs=0.02)
    assert wrong.excess > 0.07


def test_the_floor_falls_as_examples_grow_and_is_the_same_for_a_seed() -> None:
    few, many = (np.full(count, 0.3, np.float32) for count in (300, 30_000))
    none = {len(part): np.zeros(len(part), np.float32) for part in (few, many)}
    assert calibration(few, none[300]).floor > 5 * calibration(many, none[30_000]).floor
    assert calibration(few, none[300], seed=3) == calibration(few, none[300], seed=3)


def test_no_examples_have_no_error() -> None:
    assert calibration(f32(), f32()).examples == 0


def test_heads_and_content_types_are_told_apart() -> None:
    heads = np.tile(f32(0.5, 0.25), (400, 1))
    labels = np.zeros((400, 2), np.float32)
    labels[:200, 0] = 1  # the first head is right over all, and wrong within each type
    kinds = np.repeat(np.array([0, 3], np.uint8), 200)
    over_all = head_calibration(heads, labels, ("skip", "like"))
    apart = calibration_by_type(heads, labels, kinds, ("skip", "like"))
    assert list(apart) == ["music", "video"]
    assert apart["music"]["skip"].ece == pytest.approx(0.5)
    assert apart["video"]["skip"].ece == pytest.approx(0.5)
    assert over_all["like"].ece == pytest.approx(0.25)
