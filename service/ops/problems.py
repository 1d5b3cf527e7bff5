"""What a check found wrong: counted by name, with the first few examples of each."""

from collections import Counter
from typing import Final

EXAMPLES_MAX: Final = 5


class Problems:
    """Collects problems. Bounded: a broken system has as many as it has records."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, name: str, example: str) -> None:
        """Count one problem."""
        self._counts[name] += 1
        kept = self._examples.setdefault(name, [])
        if len(kept) < EXAMPLES_MAX:
            kept.append(example)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._counts)

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return dict(self._counts)

    def examples(self, name: str) -> list[str]:
        """The first few of a name."""
        return list(self._examples.get(name, ()))

    def as_json(self) -> dict[str, object]:
        """Counts and examples by name."""
        return {
            name: {"count": count, "examples": self._examples[name]}
            for name, count in self._counts.items()
        }
