"""The world's catalogue: deterministic, complete, plausible."""

import time

import numpy as np
import pytest

from loadtest.world.catalogue import TODAY, World, make_world
from service.core.events import CONTENT_TYPES


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


def test_a_seed_always_makes_the_same_world(small_world: World) -> None:
    again = make_world(scale=0.1)
    assert again.names == small_world.names
    assert (again.latent == small_world.latent).all()
    assert (again.table.attributes == small_world.table.attributes).all()
    assert not np.array_equal(make_world(8, scale=0.1).latent, small_world.latent)


def test_the_whole_world_is_made_within_three_seconds() -> None:
    begin = time.perf_counter()
    make_world()
    assert time.perf_counter() - begin < 3


def test_there_are_about_twenty_thousand_items_of_four_types(world: World) -> None:
    counts = np.bincount(world.table.content_type, minlength=len(CONTENT_TYPES))
    assert counts == pytest.approx([14_000, 3_000, 1_500, 1_500], rel=0.1)
    assert len(world.table.artist_ids) == 900 + 150 + 60 + 100


def test_ids_are_distinct_and_names_are_varied(world: World) -> None:
    assert len(set(world.table.ids)) == len(world)
    assert len(set(world.names.artist_names)) == len(world.names.artist_names)
    assert len(set(world.names.titles)) > 0.5 * len(world)
    assert all(name.strip() for name in (*world.names.titles, *world.names.series_names))


def test_columns_hold_what_the_service_expects(world: World) -> None:
    table = world.table
    assert table.popularity.sum() == pytest.approx(1, abs=1e-3)
    assert ((table.attributes >= 0) & (table.attributes <= 1)).all()
    assert (table.duration_s >= 60).all()
    assert (table.released_day <= TODAY).all()
    assert table.artist.max() == len(table.artist_ids) - 1
    assert table.series.max() == len(table.series_ids) - 1 == len(world.names.series_names) - 1
    assert np.bincount(table.language, minlength=6).min() > 0


def test_a_series_is_of_one_creator_and_counts_up_from_zero(world: World) -> None:
    table = world.table
    for series in range(0, len(table.series_ids), 97):
        rows = np.flatnonzero(table.series == series)
        assert len(set(table.artist[rows])) == 1
        assert table.ordinal[rows].tolist() == list(range(len(rows)))
    assert (table.series[table.content_type == CONTENT_TYPES.index("video")] == -1).all()


def test_popularity_has_a_long_tail(world: World) -> None:
    shares = np.sort(world.table.popularity)[::-1]
    assert shares[: len(shares) // 100].sum() > 0.1
    assert shares[: len(shares) // 4].sum() > 0.6


def test_items_of_a_creator_are_nearer_in_taste_than_items_of_a_genre(world: World) -> None:
    artist, genre = world.table.artist, world.genre
    same_artist = world.latent[artist == 0] @ world.latent[artist == 0].T
    same_genre = world.latent[genre == genre[0]] @ world.latent[genre == genre[0]].T
    assert same_artist.mean() > same_genre.mean() > (world.latent @ world.latent[0]).mean() + 0.2
