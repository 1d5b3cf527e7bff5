"""Numbered progress lines, and the one block a failing step prints.

    [2/6] broker         Apache Kafka 4.3.1 -> 127.0.0.1:9092   8.1 s

It knows neither what the steps do nor whether anybody reads the lines.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from service.core.errors import SegueError

Say = Callable[[str], None]

_TITLE_WIDTH: Final = 15
_YELLOW: Final = "\033[33m"
_PLAIN: Final = "\033[0m"


class StepFailed(SegueError):
    """A step of the set-up cannot go on: what happened, why, and what to do."""

    def __init__(self, *, what: str, why: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        """Render the block, labels aligned."""
        parts = (("what", self.what), ("why", self.why), ("do this", self.remedy))
        return "\n".join(f"  {label:9}{_indented(text)}" for label, text in parts)


class Outcome:
    """Filled in by the body of a step: what its line shall say."""

    def __init__(self) -> None:
        self.text = ""


class Steps:
    """Counts steps and says one line for each when it is done."""

    def __init__(self, say: Say, total: int, *, colour: bool = False) -> None:
        self.say = say
        self._total = total
        self._colour = colour
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Outcome]:
        """Time one step; its line is said at the end, also when it fails."""
        self._number += 1
        head = f"[{self._number}/{self._total}] {title.ljust(_TITLE_WIDTH)}"
        started = time.monotonic()
        outcome = Outcome()
        try:
            yield outcome
        except BaseException:
            self.say(f"{head} failed")
            raise
        self.say(f"{head} {outcome.text}   {time.monotonic() - started:.1f} s")

    def note(self, text: str) -> None:
        """Say something that belongs to the step under way."""
        self.say(f"      {text}")

    def warn(self, text: str) -> None:
        """Say something that must not be overlooked, in yellow on a terminal."""
        self.say(f"{_YELLOW}      {text}{_PLAIN}" if self._colour else f"      {text}")


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 11)
