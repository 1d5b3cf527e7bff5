"""The examples in the core's docstrings are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import service.core

MODULES = [f"service.core.{module.name}" for module in pkgutil.iter_modules(service.core.__path__)]


@pytest.mark.parametrize("name", [*MODULES, "service.adapters.redis"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = [doctest.DocTestFinder().find(import_module(name)) for name in MODULES]
    assert sum(len(test.examples) for tests in found for test in tests) >= 4
