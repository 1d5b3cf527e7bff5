"""Figures of probabilities, against cases counted by hand."""

import numpy as np
import pytest

from models.metrics import auc, calibration_error, log_loss


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_auc_counts_pairs_in_the_right_order_and_ties_half() -> None:
    assert auc(f32(0.1, 0.4, 0.35, 0.8), f32(0, 0, 1, 1)) == 0.75
    assert auc(f32(0.5, 0.5, 0.5), f32(0, 1, 0)) == 0.5
    assert auc(f32(0.9, 0.1), f32(0, 1)) == 0.0


def test_auc_of_one_class_says_nothing() -> None:
    assert auc(f32(0.1, 0.9), f32(1, 1)) == 0.5


def test_log_loss_of_a_coin_is_ln_two_and_certainty_is_bounded() -> None:
    assert log_loss(f32(0.5, 0.5), f32(0, 1)) == pytest.approx(np.log(2))
    assert np.isfinite(log_loss(f32(0.0), f32(1)))


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    labels = np.tile(f32(1, 0, 0, 0), 150)
    assert calibration_error(np.full(600, 0.25, np.float32), labels) == pytest.approx(0, abs=0.01)
    assert calibration_error(np.full(600, 0.75, np.float32), labels) == pytest.approx(0.5, abs=0.01)
