"""`segue up` and the processes it runs: ready when it says so, and gone when it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from loadtest.world.build import build_world_catalog
from loadtest.world.catalogue import make_world
from service.adapters.catalog import write_catalog
from service.embedded.fleet import running_fleet
from service.embedded.serving import until_stopped
from service.embedded.stack import StackOptions, embedded_stack
from service.embedded.steps import StepFailed, Steps
from service.settings import CatalogSettings, Settings
from tests.conftest import IN_CI
from tests.integration.test_processes import alive, wait_until_gone

RANKER = Settings().model.path
MOCK = StackOptions(broker="mock")


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world's catalogue without its learned vectors: enough to serve from."""
    folder = tmp_path_factory.mktemp("catalog")
    world = make_world()
    write_catalog(folder, world.table, world.names, built_from="a test")
    return folder


async def test_the_api_is_ready_when_the_fleet_says_so(catalog: Path, tmp_path: Path) -> None:
    settings = Settings(catalog=CatalogSettings(path=catalog), work_dir=tmp_path)
    async with embedded_stack(settings, MOCK, _silent()) as stack:
        environment = {**stack.environment(), "SEGUE_CATALOG__PATH": str(catalog)}
        async with running_fleet(settings, environment, workers=0) as fleet:
            assert fleet.api is not None
            url, pid = f"{fleet.api.health_url}/readyz", fleet.api.child.pid
            assert await asyncio.to_thread(_status, url) == 200
            assert fleet.ended() is None
    assert not alive(pid)


async def test_a_worker_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    settings = Settings(work_dir=tmp_path)
    async with embedded_stack(settings, MOCK, _silent()) as stack:
        environment = {**stack.environment(), "SEGUE_CATALOG__PATH": str(tmp_path / "none")}
        with pytest.raises(StepFailed, match="worker-0 ended with exit code 1") as failed:
            async with running_fleet(settings, environment, with_api=False):
                pass
    assert str(tmp_path / "none") in failed.value.why


def test_without_a_catalogue_nothing_is_started(tmp_path: Path) -> None:
    with _up(tmp_path, tmp_path / "none") as up:
        output, _ = up.communicate(timeout=50)
    assert up.returncode == 1
    assert "no catalogue in" in output
    assert not (tmp_path / "stack.lock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_starting_leaves_no_process(
    catalog: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with _up(tmp_path, catalog) as up:
        _read_until(up, "[2/4]")
        _stop_and_expect_nothing_left(up, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_serving_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    if not (RANKER / "manifest.json").is_file():
        (pytest.fail if IN_CI else pytest.skip)(f"no ranker in {RANKER}")
    build_world_catalog(tmp_path / "catalog")
    with _up(tmp_path, tmp_path / "catalog") as up:
        _read_until(up, "Open http://")
        _stop_and_expect_nothing_left(up, number)


@pytest.mark.slow
def test_killing_it_outright_leaves_no_process_either(catalog: Path, tmp_path: Path) -> None:
    with _up(tmp_path, catalog) as up:
        _read_until(up, "[3/4]")
        children = _descendants(up.pid)
        up.kill()
        up.wait(20)
    assert children
    for pid in children:
        wait_until_gone(pid)


async def test_a_signal_cancels_the_work_and_lets_it_clean_up() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            told.append("cleaned up")

    await until_stopped(work())
    assert told == ["cleaned up"]


@contextmanager
def _up(work_dir: Path, catalog: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-P", "-m", "service.cli", "up", "--broker", "mock"]
    ours = {"SEGUE_WORK_DIR": str(work_dir), "SEGUE_CATALOG__PATH": str(catalog)}
    with subprocess.Popen(
        command,
        env={**os.environ, **ours},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _read_until(process: "subprocess.Popen[str]", mark: str) -> None:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if mark in line:
            return
    pytest.fail(f"{mark!r} was never said, but: {''.join(seen)}")


def _stop_and_expect_nothing_left(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    children = _descendants(process.pid)
    process.send_signal(number)
    output, _ = process.communicate(timeout=50)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert children
    assert [pid for pid in children if alive(pid)] == []


def _descendants(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started, and of those they started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(child) for child in children]
    return found + [deeper for child in found for deeper in _descendants(child)]


def _status(url: str) -> int:
    with urlopen(url, timeout=10) as answer:
        return int(answer.status)


def _silent() -> Steps:
    return Steps(lambda _: None, total=3)
