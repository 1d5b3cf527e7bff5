"""Bootstrap over groups."""

import numpy as np
import pytest

from models.evaluation.intervals import by_group, ratio, ratio_difference, resamples


def test_every_resample_draws_as_many_groups_as_there_are() -> None:
    times = resamples(7, seed=1, count=50)
    assert times.shape == (50, 7)
    assert (times.sum(axis=1) == 7).all()
    assert (times == resamples(7, seed=1, count=50)).all()
    assert (times != resamples(7, seed=2, count=50)).any()


def test_a_ratio_weighs_groups_by_their_size() -> None:
    top, bottom = np.array([1.0, 9.0]), np.array([1.0, 3.0])
    found = ratio(top, bottom, resamples(2, seed=1))
    assert found.value == 2.5  # not 2, the mean of the groups' means
    assert (found.low, found.high) == (1.0, 3.0)  # one group drawn twice


def test_what_makes_both_models_worse_cancels_out() -> None:
    draws = np.random.default_rng(0)
    common, size = draws.normal(10, 5, 200), np.ones(200)
    times = resamples(200, seed=4)
    found = ratio_difference((common + 0.1, size), (common, size), times)
    assert found.value == pytest.approx(0.1)
    assert found.high - found.low < 1e-9
    alone = ratio(common, size, times)
    assert alone.high - alone.low > 1


def test_an_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(5).normal(0, 2, 900)
    found = ratio(values, np.ones(900), resamples(900, seed=0))
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 30, rel=0.15)


def test_sums_go_to_their_groups() -> None:
    assert by_group(np.array([1.0, 2.0, 4.0]), np.array([1, 0, 1]), 3).tolist() == [2, 5, 0]
