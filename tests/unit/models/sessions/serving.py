"""A session model in its folder, over the small catalogue; listeners whose events are its log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.sessions.bases import Bases
from models.sessions.fit_ranker import fit_ranker
from models.sessions.folder import About, write_folder
from models.sessions.index import build_index
from models.sessions.queries import every_prefix
from models.sessions.ranker_examples import RankerExamples, find
from models.sessions.read import SessionLog, session_log
from models.sessions.recommender import SessionRecommender
from service.core import events as ev
from service.core.memory import PlayEnd
from service.core.session import EMPTY, SessionState, fold
from tests.event_makers import T0_MS, item_fact, record_of, small_table
from tests.unit.models.sessions.samples import ITEMS, QUICK
from tests.unit.models.sessions.test_encoder import some_encoder

TABLE = small_table(ITEMS)
PLAY_MS = 200_000
GAP_MS = 6 * 3600 * 1000


@dataclass(frozen=True)
class Heard:
    """A listener's sessions: item rows and how each play ended."""

    rows: Sequence[Sequence[int]]
    ends: Sequence[Sequence[int]]


def some_listeners(count: int, seed: int = 0) -> list[Heard]:
    """One to four sessions each, of two to nine plays; who heard item i mostly hears i + 1 next."""
    draws = np.random.default_rng(seed)
    listeners = []
    for _ in range(count):
        rows, ends = [], []
        for _ in range(draws.integers(1, 5)):
            length = int(draws.integers(2, 10))
            walk = (draws.integers(ITEMS) + np.arange(length)) % ITEMS
            astray = draws.random(length) < 0.2
            rows.append(np.where(astray, draws.integers(0, ITEMS, length), walk).tolist())
            skipped = draws.random(length) < 0.3
            ends.append(np.where(skipped, PlayEnd.SKIPPED, PlayEnd.COMPLETED).tolist())
        listeners.append(Heard(rows, ends))
    return listeners


def log_of(listeners: Sequence[Heard]) -> SessionLog:
    """Their sessions as training reads them."""
    users = [user for user, heard in enumerate(listeners) for _ in heard.rows]
    rows = [session for heard in listeners for session in heard.rows]
    return session_log(rows, users, [session for heard in listeners for session in heard.ends])


def states_of(user: int, heard: Heard) -> list[SessionState]:
    """The state after each play but the last of each session, folded from events."""
    state, states, at_ms, offset = EMPTY, [], T0_MS, 0
    for rows, ends in zip(heard.rows, heard.ends, strict=True):
        at_ms += GAP_MS
        for place, (row, end) in enumerate(zip(rows, ends, strict=True)):
            kind = ev.Skipped if end == PlayEnd.SKIPPED else ev.Completed
            for fact, ms in ((ev.Started, 0), (kind, PLAY_MS)):
                event = item_fact(
                    fact,
                    f"i{row}",
                    user_id=f"u{user}",
                    event_id=f"e{offset}",
                    at_ms=at_ms + ms,
                    content_type=ev.CONTENT_TYPES[TABLE.content_type[row]],
                )
                state, _ = fold(state, event, record_of(event, offset))
                offset += 1
            at_ms += PLAY_MS + 1000
            if place < len(rows) - 1:
                states.append(state)
    return states


def trained(listeners: int = 80) -> SessionRecommender:
    """A recommender on the catalogue's items; its encoder has learned nothing."""
    log, encoder, kinds = log_of(some_listeners(listeners)), some_encoder(16), TABLE.content_type
    index = build_index(log, encoder.items, kinds, QUICK.neighbours)
    bases = Bases(encoder, index, log, QUICK)
    queries = every_prefix(log_of(some_listeners(40, seed=3)), encoder)
    examples = RankerExamples.collect(find(bases, queries, QUICK))
    ranker = fit_ranker(examples, kinds, QUICK.ranker, seed=0)
    return SessionRecommender(bases, ranker, kinds, QUICK)


def write_model(model: SessionRecommender, folder: Path, item_space: str = "small:1") -> Path:
    """The folder that a worker serves."""
    about = About(TABLE.ids, item_space, "a test", 0, {})
    write_folder(model, folder, about)
    return folder
