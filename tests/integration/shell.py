"""`segue` as somebody types it, as a process, against one test's topics."""

import asyncio
import json
import os
import sys
from typing import Any

from service.settings import Settings


class Shell:
    """Runs `segue` against this test's topics."""

    def __init__(self, settings: Settings) -> None:
        topics = {f"SEGUE_TOPICS__{name.upper()}": value for name, value in settings.topics}
        self._environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("SEGUE_")},
            **topics,
            "SEGUE_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
            "SEGUE_KAFKA__GROUP": settings.kafka.group,
            "SEGUE_REDIS__URL": settings.redis.url,
            "COLUMNS": "200",
        }

    async def run(self, *words: str, stdin: bytes = b"") -> tuple[int, str]:
        """Return the exit code and what was printed."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service.cli", *words),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await child.communicate(stdin)
        assert child.returncode is not None
        return child.returncode, printed.decode()

    async def json(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the object on the last line."""
        code, printed = await self.run(*words)
        return code, json.loads(printed.splitlines()[-1])
