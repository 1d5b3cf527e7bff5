"""Offline and online features are the same bits: one log, once through a worker, once in training.

The worker batches, stores states as bytes and reads them back; training folds event by event.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.data.entries import Entry
from models.data.ring_rows import RingRows
from models.data.windows import window
from service.core import events as ev
from service.core.candidates import Candidates
from service.core.features import Features, featurize
from service.core.session import EMPTY, SessionState, fold
from service.core.sessions import session_batch
from service.core.slates import Model
from service.core.wire import decode
from service.processor import Limits, Outside, Processor
from service.ranking import Ranked
from tests.event_makers import T0_MS, item_fact, small_table
from tests.unit.processor.world import World

TABLE = small_table(30)
KINDS = (ev.Skipped, ev.Completed, ev.Liked, ev.Progressed, ev.Disliked)


def told(count: int = 160) -> list[ev.PlaybackEvent]:
    """Starts and what became of them, of four listeners; some events late, some told twice."""
    chance = np.random.default_rng(3)
    log: list[ev.PlaybackEvent] = []
    for n in range(count):
        item = int(chance.integers(30))
        common = {"user_id": f"u{chance.integers(4)}", "artist_id": f"a{item // 3}"}
        at_ms = T0_MS + 60_000 * n
        start = item_fact(ev.Started, f"i{item}", event_id=f"s{n}", at_ms=at_ms, **common)
        kind = KINDS[int(chance.integers(len(KINDS)))]
        late_ms = int(chance.integers(200_000))
        end = item_fact(
            kind,
            f"i{item}",
            event_id=f"e{n}",
            at_ms=at_ms + 30_000 - late_ms,
            position_ms=int(chance.integers(200_000)),
            duration_ms=200_000,
            **common,
        )
        log += [start, end, start] if n % 9 == 0 else [start, end]
    return log


def features(states: Sequence[SessionState]) -> Features:
    """Every item for every listener: what training and a worker alike call."""
    owner = np.repeat(np.arange(len(states), dtype=np.int32), len(TABLE.ids))
    rows = np.tile(np.arange(len(TABLE.ids), dtype=np.int32), len(states))
    candidates = Candidates(owner, rows, np.zeros(len(rows), dtype=np.uint32))
    return featurize(session_batch(TABLE, states), candidates)


def cut(whole: Features, b: int) -> tuple[bytes, bytes]:
    """One listener's features as bytes."""
    return whole.user[b].tobytes(), whole.candidate[whole.owner == b].tobytes()


async def online(world: World) -> dict[tuple[str, int], tuple[bytes, bytes]]:
    """What a worker ranked with: by listener and version of the state."""
    seen: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    async def rank(states: Sequence[SessionState], users: Sequence[ev.UserId]) -> list[Ranked]:
        whole = features(states)
        for b, (state, user) in enumerate(zip(states, users, strict=True)):
            seen[user, state.version] = cut(whole, b)
        return [Ranked((), ("no_candidates",), Model("none", "0")) for _ in states]

    outside = Outside(
        log=world.log,
        store=world.store,
        publisher=world.publisher,
        side_effects=world.side_effects,
        clock=world.clock,
        rank=rank,
        model=lambda: Model("none", "0"),
    )
    worker = Processor(outside, Limits(commit_interval_ms=2))
    while not world.log.is_read:
        await worker.step()
    return seen


async def test_a_worker_and_training_compute_the_same_bits() -> None:
    world, states = World(), dict[str, SessionState]()
    offline: dict[tuple[str, int], tuple[bytes, bytes]] = {}
    for record in [world.send(event) for event in told()]:
        event = decode(record)
        state, _ = fold(states.get(event.user_id, EMPTY), event, record)
        states[event.user_id] = state
        offline[event.user_id, state.version] = cut(features([state]), 0)
    served = await online(world)
    assert len(served) > 60
    assert {key: offline[key] for key in served} == served


def test_rings_from_rows_give_the_bits_that_the_folded_state_gives() -> None:
    rows, number = RingRows(), dict[str, int]()
    after: list[tuple[str, int, SessionState]] = []
    for offset, event in enumerate(told()):
        entry = Entry(0, offset, T0_MS + 20_000_000, event)
        state = rows.take(entry)
        if state.source_offset == offset:  # applied
            number[event.user_id] = number.get(event.user_id, -1) + 1
            after.append((event.user_id, number[event.user_id], state))
    mine = {user: [row for row in rows.rows() if row["user"] == user] for user in number}
    for user, at, state in after[::11]:
        ring, session_len = window(mine[user], at)
        rebuilt = msgspec.structs.replace(state, ring=ring, session_len=session_len)
        assert cut(features([rebuilt]), 0) == cut(features([state]), 0)
    assert len(after) > 250
