"""The next free TCP port."""

import socket
from collections.abc import Iterator

import pytest

from service.embedded import ports
from service.embedded.ports import next_free_port
from service.embedded.steps import StepFailed


@pytest.fixture
def busy() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_moves_on_to_a_higher_one(busy: int) -> None:
    assert next_free_port(busy) > busy


def test_a_promised_port_is_not_promised_twice(busy: int) -> None:
    first = next_free_port(busy)
    assert next_free_port(busy, taken={first}) > first


def test_no_free_port_is_an_error_that_says_what_to_do(
    busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_TRIED", 1)
    with pytest.raises(StepFailed, match="no free TCP port"):
        next_free_port(busy)
