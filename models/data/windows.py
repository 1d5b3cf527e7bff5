"""The ring as the service held it at any moment, rebuilt from rows alone."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

from service.core.events import CONTENT_TYPES
from service.core.memory import RING_MAX, Play

Row = dict[str, Any]

_COLUMNS: Final = ("end", "dwell_s", "liked", "saved")


def window(rows: Sequence[Row], number: int) -> tuple[tuple[Play, ...], int]:
    """Rebuild the ring after a listener's event `number`, the newest play last.

    Args:
        rows: All rows of one listener, by ascending number.
        number: Of an applied event; what came after it is not seen. The window that was known
            before a play is that of its own number less one.

    Returns:
        ring: As `SessionState.ring`, at most 50 plays.
        session_len: How many of the newest belong to the session of the newest one.
    """
    until = bisect_right(rows, number, key=lambda row: row["number"])
    seen = rows[max(0, until - RING_MAX) : until]
    session_len = 0
    while session_len < len(seen) and seen[-1 - session_len]["session"] == seen[-1]["session"]:
        session_len += 1
    return tuple(_play(row, number) for row in seen), session_len


def _play(row: Row, number: int) -> Play:
    changes = row["changes"]
    at = bisect_right(changes, number, key=lambda change: change["number"])
    end, dwell_s, liked, saved = (changes[at - 1][name] for name in _COLUMNS)
    kind = CONTENT_TYPES.index(row["content_type"])
    return Play(row["item"], end, dwell_s, row["at_ms"] // 1000, kind, liked, saved)
