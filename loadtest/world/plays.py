"""When listeners listen, and everything they hear in a stretch of days, as columns.

Load shape: sessions of geometric length (mean 9.06 plays), pauses that make the gap between two
heard items log-normal (median 285 s or so), more sessions in the evening than at night (8.5 to 1).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import TODAY, World
from loadtest.world.listeners import make_listener
from loadtest.world.policy import PARTS, MixedPolicy
from loadtest.world.session import LiveListener

I64 = NDArray[np.int64]
_Row = tuple[Any, ...]  # one play, in the order of PlayLog

DAY_MS: Final = 86_400_000
START_MS: Final = TODAY * DAY_MS
SESSION_LEN_MEAN: Final = 9.06
GAP_MU: Final = 5.873
GAP_SIGMA: Final = 0.751
GAP_MAX_S: Final = 1_500.0  # shorter than the silence that ends a session
SKIP_GAP_S: Final = 1.5
BETWEEN_SESSIONS_MS: Final = 31 * 60 * 1000
# Sessions begun per hour of the day, relative.
HOURS: Final = (
    40,
    24,
    15,
    11,
    10,
    14,
    26,
    37,
    43,
    48,
    54,
    58,
    64,
    64,
    58,
    59,
    62,
    66,
    70,
    74,
    80,
    84,
    82,
    64,
)


@dataclass(frozen=True)
class PlayLog:
    """Plays in columns, ordered by time over all listeners. Users are listener numbers."""

    user: I64
    row: I64
    at_ms: I64
    start_ms: I64
    listened_ms: I64
    skipped: NDArray[np.bool_]
    liked: NDArray[np.int8]
    saved: NDArray[np.bool_]
    session: I64  # distinct over all listeners
    last_of_session: NDArray[np.bool_]
    policy: NDArray[np.int8]  # index into PARTS
    affinity: NDArray[np.float32]

    def __len__(self) -> int:
        """How many plays there are."""
        return len(self.user)

    def where(self, chosen: NDArray[np.bool_]) -> "PlayLog":
        """The chosen plays."""
        return PlayLog(*(column[chosen] for column in vars(self).values()))


def make_plays(
    world: World, *, listeners: int, days: float, sessions_per_day: float = 0.8
) -> PlayLog:
    """Let `listeners` listen for `days` days under the mixed policy."""
    policy = MixedPolicy(world)
    columns: list[_Row] = []
    for index in range(listeners):
        live = LiveListener(world, make_listener(world, index))
        free_ms = 0
        for number, due_ms in enumerate(_session_starts(live.rng, days, sessions_per_day)):
            plays = _session(live, policy, index, max(due_ms, free_ms), index * 100_000 + number)
            free_ms = plays[-1][2] + plays[-1][4] + BETWEEN_SESSIONS_MS
            columns.extend(plays)
    return _in_time_order(columns)


def _session_starts(rng: np.random.Generator, days: float, per_day: float) -> list[int]:
    count = rng.poisson(days * per_day)
    hour = rng.choice(24, count, p=np.array(HOURS) / sum(HOURS)) + rng.random(count)
    day = rng.integers(0, max(1, int(days)), count)
    return sorted((START_MS + day * DAY_MS + hour * 3_600_000).astype(np.int64).tolist())


def _session(
    live: LiveListener, policy: MixedPolicy, index: int, begin_ms: int, session: int
) -> list[_Row]:
    """One session's plays."""
    live.open_session()
    at_ms, last = begin_ms, None
    plays: list[_Row] = []
    count = int(live.rng.geometric(1 / SESSION_LEN_MEAN))
    for number in range(count):
        row, part = policy.choose(live, last)
        outcome = live.listen(row)
        skipped = outcome.end == "skipped"
        last = last if skipped else row
        fact = (index, row, at_ms, outcome.start_ms, outcome.listened_ms, skipped, outcome.liked)
        plays.append(
            (
                *fact,
                outcome.saved,
                session,
                number == count - 1,
                PARTS.index(part),
                outcome.affinity,
            )
        )
        at_ms += outcome.listened_ms + pause_ms(live.rng, outcome.listened_ms, skipped=skipped)
    return plays


def pause_ms(rng: np.random.Generator, listened_ms: int, *, skipped: bool) -> int:
    """Time between the end of a play and the start of the next."""
    if skipped:
        return int(1000 * (0.4 + rng.exponential(SKIP_GAP_S)))
    gap_s = min(rng.lognormal(GAP_MU, GAP_SIGMA), GAP_MAX_S)
    return max(600, int(1000 * gap_s) - listened_ms)


def _in_time_order(plays: list[_Row]) -> PlayLog:
    table = np.array(plays, dtype=np.float64).reshape(-1, 12)
    table = table[np.lexsort((table[:, 0], table[:, 2]))]
    kinds = (np.int64,) * 5 + (np.bool_, np.int8, np.bool_, np.int64, np.bool_, np.int8, np.float32)
    return PlayLog(*(table[:, at].astype(kind) for at, kind in enumerate(kinds)))
