"""Foreign bytes on a terminal: readable where they are text, escaped where they are not."""

from typing import Final

_SHOWN_MAX: Final = 4_000


def printable(given: bytes | str | None, limit: int = _SHOWN_MAX) -> str:
    r"""Return text without control characters: a payload must not drive the reader's terminal.

    >>> printable(b"ok \x1b[31m \xff")
    'ok \\x1b[31m \\xff'
    """
    if given is None:
        return "null"
    cut = given[:limit]
    text = cut.decode(errors="backslashreplace") if isinstance(cut, bytes) else cut
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    rest = len(given) - len(cut)
    return f"{shown} ... {rest} more" if rest else shown
