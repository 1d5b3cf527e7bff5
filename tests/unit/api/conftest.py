"""The HTTP side on twins, fresh for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.api.harness import Api, running_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A running app."""
    async with running_api() as running:
        yield running
