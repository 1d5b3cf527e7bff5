"""Plain data as YAML, enough for our own documents: maps, lists, text, numbers, words."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_PLAIN: Final = re.compile(r"^[A-Za-z$][A-Za-z0-9_$./-]*$")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def yaml_text(document: dict[str, Any]) -> str:
    """Return the document as YAML text. Text that could be read as anything else is quoted.

    >>> print(yaml_text({"a": [{"b": 1, "c": "no"}, []]}), end="")
    a:
      - b: 1
        c: "no"
      - []
    """
    return "".join(f"{line}\n" for line in _map(document))


def _map(value: dict[str, Any]) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(f"{_scalar(key)}:", inner)


def _list(value: list[Any]) -> Iterator[str]:
    for inner in value:
        if isinstance(inner, dict) and inner:
            lines = _map(inner)
            yield f"- {next(lines)}"
            yield from (f"  {line}" for line in lines)
        else:
            yield from _entry("-", inner)


def _entry(head: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{head} {_scalar(value)}"
        return
    yield head
    lines = _map(value) if isinstance(value, dict) else _list(value)
    yield from (f"  {line}" for line in lines)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
