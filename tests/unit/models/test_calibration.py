"""Slopes and offsets: found where there is evidence, shared where there is little."""

import numpy as np
import pytest

from models.calibration import by_type, platt


def test_platt_finds_the_slope_and_offset_that_made_the_labels() -> None:
    draws = np.random.default_rng(3)
    logits = draws.normal(size=40_000)
    labels = (draws.random(40_000) < 1 / (1 + np.exp(-(2.0 * logits - 1.0)))).astype(np.float32)
    assert platt(logits, labels) == pytest.approx((2.0, -1.0), abs=0.08)


def some(count: int, offset: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    logits = draws.normal(size=count)
    labels = draws.random(count) < 1 / (1 + np.exp(-(logits + offset)))
    return logits, labels.astype(np.float32)


def of_types(*sizes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A type's number is its offset."""
    parts = [some(size, number, number) for number, size in enumerate(sizes)]
    kind = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), kind


def test_each_type_with_enough_examples_gets_its_own_offset() -> None:
    lines = by_type(*of_types(20_000, 20_000, 20_000, 20_000))
    assert [offset for _, offset in lines] == pytest.approx([0, 1, 2, 3], abs=0.1)


def test_a_type_with_few_examples_keeps_the_heads_own_and_one_with_none_too() -> None:
    logits, labels, kind = of_types(20_000, 20_000, 150)
    lines = by_type(logits, labels, kind)
    assert lines[2] == lines[3] == platt(logits, labels)
    assert lines[0] != lines[3]


def test_a_type_whose_outcome_is_rare_is_drawn_towards_the_others() -> None:
    logits, labels, kind = of_types(20_000, 400)
    labels[kind == 1] = 0
    labels[np.flatnonzero(kind == 1)[:12]] = 1
    alone = platt(logits[kind == 1], labels[kind == 1])
    pooled, shared = platt(logits, labels), by_type(logits, labels, kind)[1]
    assert alone[1] < shared[1] < pooled[1]


def test_an_outcome_of_one_in_ten_thousand_and_huge_logits_still_converge() -> None:
    draws = np.random.default_rng(0)
    logits = 40 * draws.normal(size=50_000)
    labels = (logits > np.sort(logits)[-5]).astype(np.float32)
    slope, offset = platt(logits, labels)
    p = 1 / (1 + np.exp(-np.clip(slope * logits + offset, -500, 500)))
    assert slope > 0
    assert p.sum() == pytest.approx(labels.sum(), abs=0.5)
