"""What the life cycle needs of the world: news of aliases, and models by version."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from service.core.control import Alias, AliasMoved
from service.core.events import Record


class Control(Protocol):
    """The control topic."""

    async def past(self) -> list[Record]:
        """Return everything that is on it now.

        Raises:
            Unavailable: The broker does not answer.
            Refused: There is no such topic.
        """
        ...

    def follow(self) -> AsyncIterator[Sequence[Record]]:
        """Yield what is on it, then what arrives, for as long as somebody listens.

        Raises:
            Unavailable: The broker went away: begin again.
        """
        ...

    async def announce(self, move: AliasMoved) -> None:
        """Write a move and wait until it is on the log.

        Raises:
            Unavailable: It may not be; say it again.
        """
        ...


class Registry(Protocol):
    """Where models come from. Every method blocks: call it in a thread."""

    def fetch(self, name: str, version: str) -> Path:
        """Return a local folder with exactly what was published and signed as this version.

        Raises:
            Refused: There is no such version, or it is not what was published.
            Unavailable: The store does not answer.
        """
        ...

    def alias(self, name: str, alias: Alias) -> AliasMoved | None:
        """Return what an alias means now.

        Raises:
            Unavailable: The store does not answer.
        """
        ...

    def withdraw(self, known: AliasMoved, by: str, reason: str) -> AliasMoved | None:
        """Let an alias mean nothing, unless somebody has moved it since.

        Raises:
            Unavailable: The store does not answer.
        """
        ...
