"""A small world and the whole one, each made once."""

from dataclasses import replace

import pytest

from loadtest.world.build import ARTIFACT, load_vectors, with_vectors
from loadtest.world.catalogue import World, make_world
from loadtest.world.plays import PlayLog, make_plays
from loadtest.world.training import world_vectors


@pytest.fixture(scope="session")
def small_world() -> World:
    return make_world(scale=0.1)


@pytest.fixture(scope="session")
def small_log(small_world: World) -> PlayLog:
    return make_plays(small_world, listeners=60, days=12)


@pytest.fixture(scope="session")
def small_known(small_world: World, small_log: PlayLog) -> World:
    """The small world with vectors learned from its log."""
    vectors = world_vectors(small_world, small_log, int(small_log.at_ms[-1]))
    return replace(small_world, table=with_vectors(small_world.table, vectors))


@pytest.fixture(scope="session")
def world() -> World:
    """The world of the demo, with the committed vectors."""
    world = make_world()
    return replace(world, table=with_vectors(world.table, load_vectors(ARTIFACT, world.table)))
