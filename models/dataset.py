"""Training examples from an event log, through the service's own fold and features.

Before each start the listener's state is taken as the service would hold it, and the started item
is the candidate that was exposed; what the listener then did labels it. A part of the examples
sees the state as it was while the item before was still playing, because slates are also made at
that moment.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core import events as ev
from service.core.candidates import Candidates
from service.core.features import Features, featurize
from service.core.items import F32, U8, ItemTable
from service.core.session import EMPTY, SessionState, fold
from service.core.sessions import session_batch

HEADS: Final = ("skip", "complete", "like")
SKIP_MAX_MS: Final = 30_000
SKIP_MAX_SHARE: Final = 0.1
STALE_EVERY: Final = 4  # one example of so many sees the state from before the last play ended
CHUNK: Final = 512


@dataclass(frozen=True)
class Examples:
    """Exposed candidates with what became of them, in order of time.

    Shapes:
        user: float32[n, Fu], candidate: float32[n, Fc], labels: float32[n, 3] (skip, complete,
        like) rows: int32[n], item rows; at_ms: int64[n]; kind: uint8[n], content types; slot:
        int32[n], place on the slate that served it, -1 if none did
    """

    user: F32
    candidate: F32
    labels: F32
    rows: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    kind: U8
    slot: NDArray[np.int32]

    @property
    def features(self) -> Features:
        """As a scorer reads them: every example has a session of its own."""
        owner = np.arange(len(self), dtype=np.int32)
        return Features(self.user, owner, self.candidate, self.kind)

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.rows)

    def where(self, chosen: slice | NDArray[np.int64]) -> "Examples":
        """The chosen examples, in the order chosen."""
        return Examples(**{name: column[chosen] for name, column in vars(self).items()})


@dataclass(slots=True)
class _Exposure:
    """A play under way: what it looked like beforehand, and what is known of its end."""

    state: SessionState
    row: int
    at_ms: int
    start_ms: int
    slot: int
    end: ev.Skipped | ev.Completed | None = None
    liked: bool = False

    def labels(self) -> tuple[float, float, float]:
        """Skip, complete and like, each 0 or 1."""
        if self.end is None:
            return 0.0, 0.0, float(self.liked)
        heard_ms = self.end.position_ms - self.start_ms
        early = SKIP_MAX_SHARE * (self.end.duration_ms or 0)
        skipped = isinstance(self.end, ev.Skipped) and heard_ms < max(SKIP_MAX_MS, early)
        return float(skipped), float(isinstance(self.end, ev.Completed)), float(self.liked)


class Exposures:
    """Walks a log in order and hands out each play once its listener has moved on."""

    def __init__(self, table: ItemTable, from_ms: int = 0, *, only_served: bool = False) -> None:
        self._table = table
        self._from_ms = from_ms
        self._only_served = only_served
        self._states: dict[str, SessionState] = {}
        self._running: dict[str, _Exposure] = {}
        self._while_playing: dict[str, SessionState] = {}
        self._count = 0

    def walk(self, events: Iterable[ev.PlaybackEvent]) -> Iterator[_Exposure]:
        """Fold every event; yield finished exposures at or after `from_ms`."""
        for offset, event in enumerate(events):
            user, state = event.user_id, self._states.get(event.user_id, EMPTY)
            if isinstance(event, ev.Started):
                if (done := self._running.pop(user, None)) is not None:
                    yield done
                self._start(event, state)
            elif isinstance(event, ev.ItemFact) and user in self._running:
                self._note(event, self._running[user])
            self._states[user] = fold(state, event, _record(offset, event))[0]
            if isinstance(event, ev.Started):
                self._while_playing[user] = self._states[user]
        yield from self._running.values()

    def _start(self, event: ev.Started, state: SessionState) -> None:
        row = self._table.row_of(event.item_id)
        unwanted = self._only_served and event.served is None
        if row is None or event.at_ms < self._from_ms or unwanted:
            return
        self._count += 1
        stale = self._count % STALE_EVERY == 0
        seen = self._while_playing.get(event.user_id, state) if stale else state
        slot = event.served.slot if event.served else -1
        self._running[event.user_id] = _Exposure(seen, row, event.at_ms, event.position_ms, slot)

    def _note(self, event: ev.ItemFact, exposure: _Exposure) -> None:
        if event.item_id != self._table.ids[exposure.row]:
            return
        if isinstance(event, ev.Skipped | ev.Completed):
            exposure.end = event
        elif isinstance(event, ev.Liked | ev.Saved):
            exposure.liked = True


def build_examples(
    table: ItemTable,
    events: Iterable[ev.PlaybackEvent],
    *,
    from_ms: int = 0,
    only_served: bool = False,
) -> Examples:
    """Fold the whole log; make an example of each play that starts at or after `from_ms`.

    `only_served` keeps to the plays that came from a slate.
    """
    chunk: list[_Exposure] = []
    parts: list[Examples] = []
    for exposure in Exposures(table, from_ms, only_served=only_served).walk(events):
        chunk.append(exposure)
        if len(chunk) == CHUNK:
            parts.append(_examples(table, chunk))
            chunk = []
    parts.append(_examples(table, chunk))
    whole = join(parts)
    return whole.where(np.argsort(whole.at_ms, kind="stable"))


def join(parts: Sequence[Examples]) -> Examples:
    """All examples of several, one after the other."""
    return Examples(
        **{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])}
    )


def _examples(table: ItemTable, exposures: list[_Exposure]) -> Examples:
    rows = np.array([e.row for e in exposures], dtype=np.int32)
    owner = np.arange(len(exposures), dtype=np.int32)
    sessions = session_batch(table, [e.state for e in exposures])
    candidates = Candidates(owner, rows, np.zeros(len(rows), dtype=np.uint32))
    features = featurize(sessions, candidates)
    return Examples(
        features.user,
        features.candidate,
        np.array([e.labels() for e in exposures], dtype=np.float32).reshape(-1, len(HEADS)),
        rows,
        np.array([e.at_ms for e in exposures], dtype=np.int64),
        features.kind,
        np.array([e.slot for e in exposures], dtype=np.int32),
    )


def _record(offset: int, event: ev.PlaybackEvent) -> ev.Record:
    """The log as one partition whose broker saw every event as it happened."""
    return ev.Record(0, offset, event.at_ms, None, None)
