"""A small world and the whole one, each made once."""

from dataclasses import replace

import pytest

from loadtest.world.build import ARTIFACT, load_vectors, with_vectors
from loadtest.world.catalogue import World, make_world


@pytest.fixture(scope="session")
def small_world() -> World:
    return make_world(scale=0.1)


@pytest.fixture(scope="session")
def world() -> World:
    """The world of the demo, with the committed vectors."""
    world = make_world()
    return replace(world, table=with_vectors(world.table, load_vectors(ARTIFACT, world.table)))
