"""Claiming a free TCP port."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.embedded import ports
from service.embedded.ports import claim_port, release_ports
from service.embedded.steps import StepFailed


@pytest.fixture
def busy() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_moves_on_to_a_higher_one(busy: int) -> None:
    port = claim_port(busy)
    release_ports([port])
    assert port > busy


def test_a_claimed_port_is_nobody_elses_until_it_is_released(busy: int) -> None:
    first = claim_port(busy)
    second = claim_port(first)
    assert second > first
    release_ports([first])
    assert claim_port(first) == first
    release_ports([first, second])


def test_another_process_does_not_get_a_claimed_port(busy: int) -> None:
    first = claim_port(busy)
    code = (
        "import sys; from service.embedded.ports import claim_port as c; print(c(int(sys.argv[1])))"
    )
    other = subprocess.check_output([sys.executable, "-c", code, str(first)], text=True)
    release_ports([first])
    assert int(other) > first


def test_no_free_port_is_an_error_that_says_what_to_do(
    busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_TRIED", 1)
    with pytest.raises(StepFailed, match="no free TCP port"):
        claim_port(busy)
