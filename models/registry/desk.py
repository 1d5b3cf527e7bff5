"""Where the commands meet the registry of the settings: its store, its reading side, its name."""

import asyncio
import getpass
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from obstore.store import ObjectStore

from models.registry.aliases import Mover
from models.registry.announce import announce
from service.adapters.model_registry import ModelRegistry, open_registry
from service.adapters.object_store import open_store
from service.core.alias_history import Move
from service.core.control import ALIASES, Alias
from service.core.errors import Refused, Unavailable
from service.core.manifest import check_model_name
from service.settings import Settings, load_settings


@dataclass(frozen=True)
class Desk:
    """One model of one registry."""

    settings: Settings
    store: ObjectStore
    registry: ModelRegistry
    name: str

    @classmethod
    def open(cls, name: str | None, *, create: bool = False) -> Self:
        """Open what `SEGUE_REGISTRY__*` names; `create` makes a local folder that is missing.

        Raises:
            Refused: No registry is configured, or it is not there.
        """
        settings = load_settings()
        registry = open_registry(settings, create=create)
        model = check_model_name(name or settings.registry.name)
        return cls(settings, open_store(settings.registry.url), registry, model)

    def mover(self, reason: str, by: str | None) -> Mover:
        """Return who moves aliases now, for this reason."""
        at_ms = time.time_ns() // 1_000_000
        return Mover(self.store, self.registry, self.name, by or getpass.getuser(), reason, at_ms)

    def tell(self, moves: Sequence[Move]) -> str:
        """Announce moves to the workers; return why they could not be told, or nothing."""
        try:
            asyncio.run(announce(self.settings, moves))
        except Unavailable as error:
            return str(error)
        return ""


def alias_of(text: str) -> Alias:
    """Return the alias, or refuse it.

    >>> alias_of("shadow")
    'shadow'
    """
    for alias in ALIASES:
        if text == alias:
            return alias
    raise Refused(f"{text!r} is no alias: {', '.join(ALIASES)}")
