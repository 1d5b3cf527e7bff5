"""The README names what there is: each command, setting, path, dead letter kind and reason."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from service.cli import LazyGroup
from service.core.errors import PoisonKind
from service.core.events import PlaybackEvent
from service.settings import Settings, explain
from service.sources import default_sources
from tests.event_makers import small_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"^```\w*\n(.*?)^```|`([^`\n]+)`", README, re.DOTALL | re.MULTILINE)
LINES = [line.strip() for block, span in CODE for line in (block or span).splitlines()]
"""What the README shows as code: each line of a block, each span in backticks."""

CODE_OF_SOURCE = {"neighbours": "similar_to"}
"""Where an item's reason has another name than the source that proposed it."""


@cache
def commands() -> dict[str, Any]:
    """Each command by what is typed for it: `segue verify`, `segue dead-letters ls`."""
    root = LazyGroup(name="segue")
    context = typer.Context(root)
    return dict(_with_children("segue", root, context))


def _with_children(typed: str, command: Any, context: typer.Context) -> Iterator[tuple[str, Any]]:
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        yield f"{typed} {name}", child
        if hasattr(child, "list_commands"):
            yield from _with_children(f"{typed} {name}", child, context)


def row_of(family: str) -> str:
    """The line of the table of commands that is about this family."""
    return next((line for line in README.splitlines() if line.startswith(f"| `{family}`")), "")


def settings() -> list[str]:
    return [setting.variable for setting in explain(Settings())]


def paths() -> set[str]:
    """Each path of the repository that the README names, in a link, in a span or in a block."""
    tops = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    return {*linked, *re.findall(rf"(?<![\w./-])(?:{tops})/[\w./-]*[\w/]", "\n".join(LINES))}


def test_the_two_commands_are_there() -> None:
    assert any(line.startswith("python3 -m service demo") for line in LINES)
    assert any(line.startswith("python3 -m tests") for line in LINES)


def test_every_command_is_there() -> None:
    for typed in commands():
        family, _, name = typed.rpartition(" ")
        is_shown = any(re.match(rf"{typed}\b", line) for line in LINES)
        assert is_shown or re.search(rf"`{name}\b", row_of(family)), f"README.md lacks {typed}"


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    missing = set(re.findall(r"\bno `(segue [^`]+)`", README))  # a limit may name what is not there
    shown = [line.removeprefix(".venv/bin/").partition("#")[0] for line in LINES]
    calls = {line for line in shown if line.startswith("segue ")} - missing
    assert calls
    for call in sorted(calls):
        found = [typed for typed in commands() if re.match(rf"{typed}(\s|$)", call)]
        assert found, f"README.md shows `{call}`, which is no command"
        known = {option for p in commands()[max(found, key=len)].params for option in p.opts}
        assert set(re.findall(r"--[a-z-]+", call)) <= known | {"--help"}, call


def test_every_setting_is_there_and_no_other() -> None:
    named = set(re.findall(r"\bSEGUE_[A-Z_]*[A-Z]", README))
    assert named == set(settings())


def test_every_path_that_is_named_exists() -> None:
    named = paths()
    assert len(named) >= 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("kind", PoisonKind)
def test_every_kind_of_dead_letter_is_explained(kind: PoisonKind) -> None:
    assert any(line.startswith("| ") and f"`{kind}`" in line for line in README.splitlines())


def test_every_reason_that_an_item_carries_is_there() -> None:
    sources = [source.name for source in default_sources(small_table())]
    codes = [CODE_OF_SOURCE.get(name, name) for name in sources]
    for code in [*codes, "artist_liked"]:
        assert any(re.fullmatch(rf"{code}(:ITEM)?", line) for line in LINES), code


def test_every_type_of_event_is_there() -> None:
    for event in PlaybackEvent.__args__:
        assert event.__struct_config__.tag in LINES


def test_nothing_is_left_to_be_filled_in() -> None:
    assert not re.findall(r"@@\w*|\bTODO\b|\bTBD\b", README)
