"""One row of a listening log, whatever format it came in."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct


class Play(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody heard an item, or judged it. What a log does not say is None.

    `liked` is 1, -1, or 0 for a verdict taken back; None says nothing. A verdict that a log gives
    apart from any play has `heard=False`. `heard_at_least_s` is a listening time that something
    else than the listener cut off: it says how far a play came, and nothing about why it ended.
    `end` is a PlayEnd, where the service's own fold has already said how the play ended.
    """

    user: str
    item: str
    at_ms: int
    content_type: str = "music"
    heard: bool = True
    played_s: float | None = None
    heard_at_least_s: float | None = None
    duration_s: float | None = None
    liked: int | None = None
    session: str | None = None
    artist: str | None = None
    end: int | None = None


def require(path: Path, found: Iterable[str], expected: tuple[str, ...]) -> None:
    """Refuse a file that lacks columns of its format.

    Raises:
        ValueError: Names the missing columns and those found.
    """
    found = list(found)
    missing = [name for name in expected if name not in found]
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(missing)}; found {', '.join(found)}; is --format right?"
        )
