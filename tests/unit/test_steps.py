"""Progress lines and the block of a failing step."""

import pytest

from service.embedded.steps import StepFailed, Steps


def test_steps_are_numbered_and_timed() -> None:
    lines: list[str] = []
    steps = Steps(lines.append, total=2)
    for title in ("broker", "topics"):
        with steps.step(title) as outcome:
            outcome.text = "ready"
    assert [line.split()[:3] for line in lines] == [
        ["[1/2]", "broker", "ready"],
        ["[2/2]", "topics", "ready"],
    ]
    assert all(line.endswith(" s") for line in lines)


def test_a_failing_step_says_so_and_lets_the_error_through() -> None:
    lines: list[str] = []
    steps = Steps(lines.append, total=1)
    with (
        pytest.raises(StepFailed, match="no broker"),
        steps.step("broker"),
    ):
        raise StepFailed(what="no broker", why="it ended", remedy="look")
    assert lines == ["[1/1] broker          failed"]


def test_the_block_says_what_and_why_and_what_to_do() -> None:
    block = str(StepFailed(what="no broker", why="line one\nline two", remedy="look"))
    assert block.splitlines() == [
        "  what     no broker",
        "  why      line one",
        "           line two",
        "  do this  look",
    ]


def test_a_warning_is_yellow_on_a_terminal_only() -> None:
    lines: list[str] = []
    Steps(lines.append, total=1).warn("in memory")
    Steps(lines.append, total=1, colour=True).warn("in memory")
    assert lines == ["      in memory", "\033[33m      in memory\033[0m"]
