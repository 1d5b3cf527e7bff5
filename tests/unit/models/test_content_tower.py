"""Vectors for items without plays: content says where, the creator's others say more."""

from dataclasses import replace

import numpy as np
import pytest

from loadtest.world.catalogue import World, make_world
from loadtest.world.cold_items import held_out
from models.cold_vectors import cold_vectors
from models.content_tower import ITEMS_MIN, content_of, fill_in, fit_tower, mean_of_others

PLAYS = 50.0


@pytest.fixture(scope="module")
def world() -> World:
    """A small world whose items' vectors are what listeners' tastes answer to."""
    return make_world(scale=0.1)


def counts_of(world: World, hidden: np.ndarray) -> np.ndarray:
    return np.where(hidden, 0.0, PLAYS)


def test_a_creators_mean_is_of_the_others_alone() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    found = mean_of_others(vectors, np.ones(4), np.array([0, 0, 1, -1]))
    np.testing.assert_allclose(found, [[0, 1], [1, 0], [0, 0], [0, 0]], atol=1e-6)


def test_a_creator_nobody_knows_is_placed_by_content(world: World) -> None:
    held = held_out(world, np.full(len(world), PLAYS), seed=1)["new creator"]
    counts = counts_of(world, held.hidden)
    found = cold_vectors(world.table, world.latent * (counts > 0)[:, None], counts, seed=1)
    cosine = {
        name: (each * world.latent).sum(axis=1)[held.hidden].mean() for name, each in found.items()
    }
    assert cosine["tower"] > cosine["type mean"] + 0.05
    assert cosine["creator mean"] == pytest.approx(cosine["type mean"], abs=1e-6)
    assert cosine["blend"] == pytest.approx(cosine["tower"], abs=1e-6)


def test_an_item_says_nothing_of_its_own_estimate(world: World) -> None:
    counts = np.full(len(world), PLAYS)
    changed = world.latent.copy()
    changed[5] = -changed[5]
    content = content_of(world.table)
    creator = world.table.artist.astype(np.int64)
    means = [mean_of_others(each, counts, creator) for each in (world.latent, changed)]
    tower = fit_tower(content, means[0], world.latent, counts, seed=1)
    assert tower is not None
    before, after = (tower.vectors(content, each) for each in means)
    np.testing.assert_allclose(before[5], after[5], atol=1e-6)
    assert np.abs(before[6] - after[6]).max() > 1e-3  # of the same creator


def test_attributes_that_are_not_known_are_no_numbers_out_of_thin_air(world: World) -> None:
    bare = replace(world.table, attributes=np.full_like(world.table.attributes, np.nan))
    assert np.isfinite(content_of(bare)).all()
    assert not np.array_equal(content_of(bare), content_of(world.table))


def test_too_few_items_teach_no_tower(world: World) -> None:
    counts = np.zeros(len(world))
    counts[: ITEMS_MIN - 1] = PLAYS
    content = content_of(world.table)
    assert fit_tower(content, world.latent, world.latent, counts, seed=1) is None
    found = cold_vectors(world.table, world.latent, counts, seed=1)
    np.testing.assert_array_equal(found["tower"], found["creator mean"])


def test_plays_outweigh_content_as_they_come() -> None:
    own = np.array([[1, 0]] * 3, np.float32)
    said = np.array([[0, 1]] * 3, np.float32)
    found = fill_in(own, np.array([0.0, 2.0, 1e6]), said, weight=2.0)
    np.testing.assert_allclose(found, [[0, 1], [0.5**0.5, 0.5**0.5], [1, 0]], atol=1e-4)
