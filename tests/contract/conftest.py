"""Servers beyond those every tier has: the machine's own Redis, maybe an old one, and an S3."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from service.adapters.object_store import open_store
from service.embedded.ports import claim_port
from service.embedded.process import Child
from tests.conftest import run_now
from tests.s3_stand_in import s3_stand_in

_FIRST_PORT = 26_400


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis from the machine's own packages, for the whole session."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on PATH (Debian: `apt-get install redis-server`)")
    folder, port = tmp_path_factory.mktemp("redis"), claim_port(_FIRST_PORT)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    child = Child.start("Redis", [*command, "--save", ""], folder / "redis.log", ports=(port,))
    run_now(child.wait_until(lambda: _accepts(port), timeout_s=20))
    yield f"redis://127.0.0.1:{port}/0"
    child.stop()


@pytest.fixture(params=["local", "memory", "s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStore]:
    """An empty object store of each kind that a registry may lie in."""
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "local":
        yield LocalStore(tmp_path / "registry", mkdir=True)
    else:
        with s3_stand_in() as variables:
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            yield open_store("s3://bucket/models")


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
