"""The edge's clock."""

import time


class SystemClock:
    """The machine's wall time. Implements `Clock`."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        return time.time_ns()
