"""A small world, made once."""

import pytest

from loadtest.world.catalogue import World, make_world


@pytest.fixture(scope="session")
def small_world() -> World:
    return make_world(scale=0.1)
