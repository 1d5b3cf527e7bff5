"""The examples in the docstrings of what makes traffic are true."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "name", ["loadtest.pace", "loadtest.latency.plan", "models.data.translate"]
)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.failed == 0
    assert result.attempted > 0
