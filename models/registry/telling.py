"""What the commands print for people."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.markup import escape
from rich.table import Table

from models.registry.difference import Change, Difference
from models.registry.figures import spell
from models.registry.listing import VersionRow
from service.core.alias_history import Move
from service.ops.printable import printable

_CELL_MAX: Final = 60


def versions_table(rows: Iterable[VersionRow]) -> Table:
    """Return the versions, one a row."""
    table = Table("version", "aliases", "published", "bytes", "signed", "heads", "trained on")
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(
            row.version,
            ", ".join(row.aliases),
            row.published,
            f"{row.bytes:,}",
            "yes" if row.signed else "no",
            _cell(", ".join(row.heads)),
            _cell(f"NOT SOUND: {row.problem}" if row.problem else row.trained_on),
        )
    return table


def audit_table(moves: Iterable[Move]) -> Table:
    """Return the moves, one a row, newest last."""
    table = Table("when", "alias", "what", "from", "to", "who", "gate", "why")
    table.columns[3].no_wrap = table.columns[4].no_wrap = True
    for move in moves:
        to = move.version or "nothing"
        table.add_row(
            when(move.at_ms),
            move.alias,
            move.kind,
            move.previous or "nothing",
            f"{to} {move.share:.0%}" if move.share else to,
            _cell(move.by),
            {True: "passed", False: "NOT passed", None: "not asked"}[move.approved],
            _cell(move.reason),
        )
    return table


def difference_tables(found: Difference) -> list[Table]:
    """Return one table for each section in which the versions differ."""
    return [_section(title, found, changes) for title, changes in found.sections.items() if changes]


def moved_text(move: Move) -> str:
    """Say what a move did, in a line."""
    share = f" for {move.share:.0%} of the users" if move.share else ""
    return (
        f"{move.name}: {move.alias} was {move.previous or 'nothing'}, is now"
        f" {move.version or 'nothing'}{share} (move {move.sequence})"
    )


def when(at_ms: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _section(title: str, found: Difference, changes: Sequence[Change]) -> Table:
    table = Table(title, found.before, found.after, "difference")
    for change in changes:
        delta = "" if change.delta is None else f"{change.delta:+.4g}"
        table.add_row(_cell(change.what), _figure(change.before), _figure(change.after), delta)
    return table


def _figure(value: object) -> str:
    return "-" if value is None else _cell(spell(value))


def _cell(text: str) -> str:
    return escape(printable(text, _CELL_MAX))
