"""The small world of the world's own tests."""

from tests.unit.world.conftest import small_world

__all__ = ["small_world"]
