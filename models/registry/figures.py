"""Metrics as people and other tools read them: a nested tree of figures, laid flat."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

INTERVAL: Final = ("value", "low", "high")


def flatten(tree: Any, above: str = "") -> dict[str, Any]:
    """Return every leaf by its path; an item of a list by its place.

    >>> flatten({"skip": {"auc": 0.7}, "seeds": [1, 2]})
    {'skip/auc': 0.7, 'seeds/0': 1, 'seeds/1': 2}
    """
    return dict(_leaves(tree, above))


def spell(figure: Any) -> str:
    """Return a figure for people, with its interval if it has one.

    >>> spell({"value": 0.26, "low": 0.251, "high": 0.269})
    '0.26 [0.251, 0.269]'
    """
    if is_interval(figure):
        return f"{spell(figure['value'])} [{spell(figure['low'])}, {spell(figure['high'])}]"
    return f"{figure:.4g}" if isinstance(figure, float) else str(figure)


def is_interval(figure: Any) -> bool:
    """Whether this is a figure with its interval: `value`, `low`, `high`."""
    return isinstance(figure, Mapping) and all(part in figure for part in INTERVAL)


def tables(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, list[list[str]]]]:
    """Yield (title, rows) for every group of figures; the first row names the columns."""
    rows = {name: leaf for name, leaf in tree.items() if _is_row(leaf)}
    single = {name: leaf for name, leaf in tree.items() if _is_leaf(leaf)}
    if single:
        yield above, [["figure", "value"], *([name, spell(leaf)] for name, leaf in single.items())]
    if rows:
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        body = [[name, *(_cell(row, column) for column in columns)] for name, row in rows.items()]
        yield above, [["", *columns], *body]
    for name, branch in tree.items():
        if isinstance(branch, Mapping) and name not in rows and name not in single:
            yield from tables(branch, f"{above}, {name}".removeprefix(", "))


def markdown(rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    ruled = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
        for row in ruled
    )


def _cell(row: Mapping[str, Any], column: str) -> str:
    return spell(row[column]) if column in row else ""


def _is_leaf(branch: Any) -> bool:
    return not isinstance(branch, Mapping) or is_interval(branch)


def _is_row(branch: Any) -> bool:
    return not _is_leaf(branch) and bool(branch) and all(map(_is_leaf, branch.values()))


def _leaves(tree: Any, above: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        branches = [(str(name), branch) for name, branch in tree.items()]
    elif isinstance(tree, list | tuple):
        branches = [(str(at), branch) for at, branch in enumerate(tree)]
    else:
        yield above, tree
        return
    for name, branch in branches:
        yield from _leaves(branch, f"{above}/{name}" if above else name)
