"""One check's answer, and how all of them read."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from rich.table import Table
from rich.text import Text

Verdict = Literal["ok", "info", "warn", "fail"]

_STYLES: Final[dict[Verdict, str]] = {
    "ok": "green",
    "info": "dim",
    "warn": "yellow",
    "fail": "bold red",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def all_pass(checks: Iterable[Check]) -> bool:
    """Whether nothing fails; a warning is no failure."""
    return all(check.verdict != "fail" for check in checks)


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """Return everything for programs."""
    return {"ok": all_pass(checks), "checks": [asdict(check) for check in checks]}


def as_table(checks: Iterable[Check]) -> Table:
    """Return one row per check, the fix below what was found."""
    table = Table(title="segue doctor", title_justify="left")
    for heading in ("check", "verdict", "found"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        found = Text(check.found)
        if check.fix and check.verdict in ("warn", "fail"):
            found.append(f"\n-> {check.fix}", style="bold")
        table.add_row(check.name, Text(check.verdict, _STYLES[check.verdict]), found)
    return table
