"""How well are items placed that nobody has played? Held-out items, as if new; the world knows.

Two kinds: some items of known creators, and everything of some creators. What the log says of them
is withheld from the vectors of all others, too.

    cosine   to the vector that the plays give the item, in the space of the whole log
    genre    share of ten nearest known items that are of the item's genre
    recall   of later plays of the item, the share in which it is among the 100 items of its type
             nearest to the mean of the session's five plays before it
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.plays import PlayLog
from loadtest.world.training import VECTORS_UNTIL, finished_sessions
from models.cold_vectors import cold_vectors
from models.vectors import item_vectors
from service.core.items import F32
from service.core.sessions import unit

I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

PLAYS_MIN: Final = 20  # of a held-out item: its own vector must be worth comparing with
ITEM_SHARE: Final = 0.15
CREATOR_SHARE: Final = 0.10
NEAR: Final = 10
AMONG: Final = 100
READS: Final = 5
QUERIES_MAX: Final = 4000


@dataclass(frozen=True)
class HeldOut:
    """Masks over items, bool[n] each: `judged` are of one kind, `hidden` are all held out."""

    judged: Mask
    hidden: Mask


def judge_cold(
    world: World, log: PlayLog, *, seed: int, say: Callable[[str], None] = lambda _: None
) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by kind of held-out item, estimate and measure."""
    until_ms = int(np.quantile(log.at_ms, VECTORS_UNTIL))
    early = ~log.skipped & (log.at_ms < until_ms)
    counts = np.bincount(log.row[early], minlength=len(world)).astype(np.float64)
    truth = item_vectors(finished_sessions(log, early), len(world))
    report = {}
    for kind, held in held_out(world, counts, seed=seed).items():
        say(f"{kind}: {int(held.judged.sum())} judged of {int(held.hidden.sum())} held out")
        known = np.where(held.hidden, 0.0, counts)
        seen = cold_vectors(world.table, _shown(truth, held), known, seed=seed)
        strict = item_vectors(finished_sessions(log, early & ~held.hidden[log.row]), len(world))
        blind = cold_vectors(world.table, strict, known, seed=seed)
        queries = _queries(log, ~log.skipped & (log.at_ms >= until_ms), held)
        report[kind] = {
            name: {
                "cosine": _mean((seen[name] * truth).sum(axis=1)[held.judged]),
                "genre": _genre(world, strict, blind[name], held),
                "recall": _recall(world, strict, blind[name], held, queries),
            }
            for name in blind
        }
    return report


def held_out(world: World, counts: NDArray[np.float64], *, seed: int) -> dict[str, HeldOut]:
    """Both kinds."""
    draws = np.random.default_rng([seed, 9])
    some = draws.random(len(world)) < ITEM_SHARE
    creators = draws.random(len(world.table.artist_ids)) < CREATOR_SHARE
    theirs = creators[world.table.artist]
    often = counts >= PLAYS_MIN
    return {
        "new item": HeldOut(some & often, some),
        "new creator": HeldOut(theirs & often, theirs),
    }


def _shown(vectors: F32, held: HeldOut) -> F32:
    return np.where(held.hidden[:, None], np.float32(0), vectors)


def _genre(world: World, known: F32, guessed: F32, held: HeldOut) -> float:
    """Of items of the same content type alone, as neighbours in a catalogue are."""
    agree = []
    for kind in np.unique(world.table.content_type):
        mine = np.flatnonzero(held.judged & (world.table.content_type == kind))
        others = np.flatnonzero(
            ~held.hidden & (world.table.content_type == kind) & (np.abs(known).sum(axis=1) > 0)
        )
        if len(mine) and len(others) > NEAR:
            near = np.argpartition(-(guessed[mine] @ known[others].T), NEAR, axis=1)[:, :NEAR]
            agree.append((world.genre[others[near]] == world.genre[mine][:, None]).mean(axis=1))
    return _mean(np.concatenate(agree))


def _queries(log: PlayLog, late: Mask, held: HeldOut) -> list[tuple[I64, int]]:
    """(rows played before, newest last; the held-out item that came next)."""
    found = [
        (before[~held.hidden[before]], int(session[at]))
        for session in finished_sessions(log, late)
        for at in np.flatnonzero(held.judged[session])
        for before in (session[max(0, at - READS) : at],)
        if at and not held.hidden[before].all()
    ]
    return found[:: max(1, len(found) // QUERIES_MAX)]


def _recall(
    world: World, known: F32, guessed: F32, held: HeldOut, queries: list[tuple[I64, int]]
) -> float:
    vectors = np.where(held.hidden[:, None], guessed, known)
    wanted = unit(np.array([known[before].mean(axis=0) for before, _ in queries]))
    hits = []
    for session, (_, target) in zip(wanted, queries, strict=True):
        kind = world.table.content_type == world.table.content_type[target]
        scores = vectors[kind] @ session
        hits.append((scores >= vectors[target] @ session).sum() <= AMONG)
    return _mean(np.array(hits))


def _mean(values: NDArray[np.floating] | Mask) -> float:
    return round(float(values.mean()), 4)
