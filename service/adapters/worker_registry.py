"""The registry as a worker has it: it reads models and aliases, and its guard may end a canary."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from obstore.store import ObjectStore

from service.adapters.model_aliases import AliasLog
from service.adapters.model_registry import ModelRegistry, open_registry
from service.adapters.object_store import open_store
from service.core.alias_history import Wish
from service.core.control import Alias, AliasMoved
from service.core.errors import StaleWrite
from service.settings import Settings


@dataclass(frozen=True)
class WorkerRegistry:
    """Implements the life cycle's registry port."""

    models: ModelRegistry
    store: ObjectStore

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the registry of the settings.

        Raises:
            Refused: It is not there, or a trusted key cannot be read.
        """
        return cls(open_registry(settings), open_store(settings.registry.url))

    def fetch(self, name: str, version: str) -> Path:
        """Return a checked local folder."""
        return self.models.fetch(name, version)

    def alias(self, name: str, alias: Alias) -> AliasMoved | None:
        """Return what an alias means now."""
        return self.models.alias(name, alias)

    def withdraw(self, known: AliasMoved, by: str, reason: str) -> AliasMoved | None:
        """Let the alias mean nothing; None when somebody was faster: their word stands."""
        log = AliasLog(self.store, known.name)
        newest = log.newest(known.alias)
        if newest is None or newest.sequence != known.sequence or newest.version is None:
            return None
        wish = Wish(
            kind="withdraw",
            version=None,
            at_ms=time.time_ns() // 1_000_000,
            by=by,
            reason=reason,
        )
        try:
            return log.append(known.alias, wish, newest).told()
        except StaleWrite:
            return None
