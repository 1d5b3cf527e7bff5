"""The drill's registry: a folder, a key pair, four versions, and somebody who moves aliases."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from loadtest.models_drill import specimens
from models.export import FILE
from models.registry.announce import announce
from models.registry.desk import Desk
from models.registry.publish import publish
from service.adapters.model_aliases import AliasLog
from service.adapters.model_registry import open_registry
from service.adapters.object_store import open_store
from service.adapters.signing import make_key, read_private_key
from service.core.alias_history import Move, MoveKind, Wish
from service.core.control import Alias
from service.settings import RegistrySettings, Settings, variable_of

NAME = "ranker"


@dataclass(frozen=True)
class Versions:
    """What was published."""

    base: str
    equal: str
    bad: str
    forged: str


@dataclass(frozen=True)
class Shop:
    """A registry with the drill's models. `settings` name it, and where Kafka is once it runs."""

    settings: Settings
    desk: Desk
    versions: Versions

    @classmethod
    def open(cls, settings: Settings, folder: Path, shipped: Path) -> Self:
        """Make keys and models, publish them, and forge one."""
        _, public = make_key(folder / "key")
        key = read_private_key(folder / "key")
        where = folder / "registry"
        registry_settings = RegistrySettings(url=str(where), name=NAME, trusted_keys=str(public))
        settings = settings.model_copy(update={"registry": registry_settings})
        registry = open_registry(settings, create=True)
        desk = Desk(settings, open_store(str(where)), registry, NAME)
        made = {
            "base": shipped,
            "equal": specimens.equal(shipped, folder / "equal"),
            "bad": specimens.bad(shipped, folder / "bad"),
            "forged": specimens.equal(shipped, folder / "forged", by=0.002),
        }
        published = {k: publish(f, desk.store, NAME, key=key).version for k, f in made.items()}
        forged = where / NAME / "versions" / published["forged"] / FILE
        data = bytearray(forged.read_bytes())
        data[len(data) // 2] ^= 1  # one bit, in the weights
        forged.write_bytes(data)
        return cls(settings, desk, Versions(**published))

    def environment(self) -> dict[str, str]:
        """The variables that point a worker at this registry."""
        registry = self.settings.registry
        return {
            variable_of("registry", "url"): registry.url,
            variable_of("registry", "name"): registry.name,
            variable_of("registry", "trusted_keys"): registry.trusted_keys,
        }

    def promote(self, version: str, alias: Alias, share: float | None = None) -> Move:
        """Move an alias as `segue models promote` does."""
        return self.desk.mover("drill", "drill").promote(version, alias, share=share)

    def roll_back(self, alias: Alias) -> Move:
        """Move it back as `segue models rollback` does."""
        return self.desk.mover("drill: back", "drill").roll_back(alias)

    def move_unchecked(self, version: str, alias: Alias) -> Move:
        """Move an alias as somebody would who has the store and no scruples."""
        log = AliasLog(self.desk.store, NAME)
        kind: MoveKind = "promote"
        wish = Wish(kind=kind, version=version, at_ms=now_ms(), by="intruder", reason="forged")
        return log.append(alias, wish, log.newest(alias))

    def newest(self, alias: Alias) -> Move | None:
        """The move that holds."""
        return AliasLog(self.desk.store, NAME).newest(alias)

    async def tell(self, settings: Settings, move: Move) -> None:
        """Announce a move to the workers."""
        await announce(settings, [move])


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
