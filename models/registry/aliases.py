"""Moving aliases: promote, roll back, withdraw. Each move is its own audit line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import structs
from obstore.store import ObjectStore

from models.registry.verdict import VERDICT, GateVerdict, read_verdict
from service.adapters.model_aliases import AliasLog
from service.adapters.model_registry import ModelRegistry
from service.core.alias_history import Move, MoveKind, Wish, before, standing
from service.core.control import ALIASES, Alias
from service.core.errors import Refused
from service.core.manifest import parse_manifest

CANARY_SHARE: Final = 0.1


@dataclass(frozen=True)
class Mover:
    """Who moves aliases of a model, when and why."""

    store: ObjectStore
    registry: ModelRegistry
    name: str
    by: str
    reason: str
    at_ms: int

    def promote(
        self,
        version: str,
        alias: Alias,
        *,
        share: float | None = None,
        verdict: GateVerdict | None = None,
        force: bool = False,
    ) -> Move:
        """Let an alias mean a version, after fetching it whole as a worker would.

        Raises:
            Refused: The version is not sound or not there, the gate said no to it (unless
            `force`), the share is of no challenger, or the alias means just that already.
            StaleWrite: Somebody else moved the alias at the same moment.
            Unavailable: The store does not answer.
        """
        self.registry.fetch(self.name, version)
        given = _share(alias, share)
        if verdict is not None and not verdict.passed and alias == "champion" and not force:
            raise Refused(
                f"the gate said no to {version}: {'; '.join(verdict.reasons)};"
                " --force promotes it all the same"
            )
        approved = None if verdict is None else verdict.passed
        wish = structs.replace(
            self._wish("promote", version, given), approved=approved, force=force
        )
        return self._move(alias, wish, self._log.newest(alias))

    def roll_back(self, alias: Alias) -> Move:
        """Undo the newest move that stands: back to what the alias meant before it.

        Raises:
            Refused: There is nothing before it, and a champion there must be.
            StaleWrite, Unavailable: As of `promote`.
        """
        history = self._log.history(alias)
        if not standing(history):
            raise Refused(f"{alias} of {self.name} means nothing: there is nothing to roll back")
        version, share = before(history)
        if version is None and alias == "champion":
            raise Refused(
                f"nothing was champion before {standing(history)[-1].version};"
                " promote the version that shall serve"
            )
        if version is not None:
            self.registry.fetch(self.name, version)
        # What served before is not to be doubted because it scores unlike what went wrong.
        wish = structs.replace(self._wish("rollback", version, share), force=True)
        return self._move(alias, wish, history[-1])

    def withdraw(self, alias: Alias) -> Move:
        """Let an alias mean nothing: no canary, no shadow.

        Raises:
            Refused: It is the champion, or means nothing already.
            StaleWrite, Unavailable: As of `promote`.
        """
        if alias == "champion":
            raise Refused("a champion there must be; promote another version instead")
        return self._move(alias, self._wish("withdraw", None), self._log.newest(alias))

    @property
    def _log(self) -> AliasLog:
        return AliasLog(self.store, self.name)

    def _wish(self, kind: MoveKind, version: str | None, share: float = 0.0) -> Wish:
        if not self.reason.strip():
            raise Refused("say why: --reason; the audit keeps it")
        return Wish(
            kind=kind,
            version=version,
            at_ms=self.at_ms,
            by=self.by,
            reason=self.reason,
            share=share,
        )

    def _move(self, alias: Alias, wish: Wish, after: Move | None) -> Move:
        now = (None, 0.0) if after is None else (after.version, after.share)
        if now == (wish.version, wish.share):
            raise Refused(f"{alias} of {self.name} means {wish.version or 'nothing'} already")
        return self._log.append(alias, wish, after)


def audit(store: ObjectStore, name: str, aliases: Sequence[Alias] = ALIASES) -> list[Move]:
    """Return every move of these aliases, oldest first.

    Raises:
        Unavailable: The store does not answer.
    """
    log = AliasLog(store, name)
    moves = [move for alias in aliases for move in log.history(alias)]
    return sorted(moves, key=lambda move: (move.at_ms, move.alias, move.sequence))


def verdict_on(folder: Path, given: Path | None) -> GateVerdict | None:
    """Return the gate's verdict on a fetched version: the file that is given, or its own.

    Raises:
        Refused: The verdict is on another version.
    """
    verdict = read_verdict(given or folder / VERDICT)
    if verdict is None:
        if given is not None:
            raise Refused(f"no verdict in {given}; write one with `segue evaluate gate --out`")
        return None
    manifest = parse_manifest((folder / "manifest.json").read_bytes(), str(folder))
    exported = manifest.exported_as.get("version", manifest.version)
    if verdict.candidate not in (manifest.version, exported):
        raise Refused(
            f"the verdict is on {verdict.candidate}, not on {manifest.version}; ask the gate again"
        )
    return verdict


def _share(alias: Alias, share: float | None) -> float:
    if alias != "challenger":
        if share is not None:
            raise Refused(f"--share is of a challenger: {alias} has none")
        return 0.0
    if share is not None and not 0.0 < share <= 1.0:
        raise Refused(f"--share {share:g}: a canary serves more than 0 and at most 1 of the users")
    return CANARY_SHARE if share is None else share
