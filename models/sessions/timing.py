"""How long each part of a run took; wall clock, for reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Timing:
    """Seconds by part, in the order in which the parts ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure what happens inside."""
        begin = perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - begin
