"""The history of one alias: every move, and where a rollback leads.

A rollback undoes the newest move that still stands; a second one undoes the move before it. So two
rollbacks in a row never end where they began.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from service.core.control import AliasMoved

MoveKind = Literal["promote", "rollback", "withdraw"]


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants an alias to mean (None: nothing), who and why.

    `approved` is the gate's verdict when it was asked; None when there was none.
    """

    kind: MoveKind
    version: str | None
    at_ms: int
    by: str
    reason: str
    share: float = 0.0
    force: bool = False
    approved: bool | None = None


class Move(AliasMoved, frozen=True, kw_only=True):
    """One line of the audit: a move as workers are told of it, its kind, and what stood before."""

    kind: MoveKind
    previous: str | None
    approved: bool | None = None

    def told(self) -> AliasMoved:
        """Return what goes on the control topic."""
        shared = {name: getattr(self, name) for name in AliasMoved.__struct_fields__}
        return msgspec.convert(shared, AliasMoved)


def standing(history: Sequence[Move]) -> list[Move]:
    """Return the moves that were not undone, oldest first. The last one is what the alias means."""
    stack: list[Move] = []
    for move in history:
        if move.kind != "rollback":
            stack.append(move)
        elif stack:
            stack.pop()
    return stack


def before(history: Sequence[Move]) -> tuple[str | None, float]:
    """Return version and share that a rollback leads to: (None, 0.0) when nothing stood before."""
    stack = standing(history)
    return (stack[-2].version, stack[-2].share) if len(stack) > 1 else (None, 0.0)
