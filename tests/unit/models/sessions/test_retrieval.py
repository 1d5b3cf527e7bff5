"""The compiled retrieval against its definitions, alone and in any batch."""

import dataclasses

import numpy as np
import pytest

from models.sessions.clusters import MEMBERS, cluster_items
from models.sessions.index import build_index
from models.sessions.recipe import NeighbourRecipe
from service.core.retrieval.evidence import EVIDENCE_FEATURES, SOURCES
from service.core.retrieval.index import Limits, SessionIndex
from service.core.retrieval.retrieve import Retrieved, Retriever
from tests.unit.models.sessions.samples import ITEMS, chain_log
from tests.unit.models.sessions.slow_evidence import Slow

DIM = 8
RING = 50


def unit_rows(count: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def index() -> SessionIndex:
    kinds = (np.arange(ITEMS) % 4).astype(np.uint8)
    return build_index(chain_log(300), unit_rows(ITEMS, DIM, 0), kinds, NeighbourRecipe())


@pytest.fixture(scope="module")
def retriever(index: SessionIndex) -> Retriever:
    return Retriever(index)


def rings(*sessions: tuple[list[int], list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rings of (this session, newest first; what was heard before it)."""
    recent = np.full((len(sessions), RING), -1, np.int32)
    current = np.zeros((len(sessions), RING), bool)
    for b, (now, before) in enumerate(sessions):
        recent[b, : len(now) + len(before)] = now + before
        current[b, : len(now)] = True
    return recent, current


SESSIONS: tuple[tuple[list[int], list[int]], ...] = (
    ([3, 2, 1], []),
    ([5, 4, 5], [7, 5, 9, 5]),
    ([0], [1, 0, 2]),
    ([8, 8, 8], [8]),
)


def ask(retriever: Retriever, *sessions: tuple[list[int], list[int]]) -> Retrieved:
    recent, current = rings(*sessions)
    towards = unit_rows(50, DIM, 7)[[sum(now) % 50 for now, _ in sessions]]
    return retriever.retrieve(recent, current, towards)


@pytest.mark.parametrize("which", range(len(SESSIONS)))
def test_evidence_is_what_its_definitions_say(
    index: SessionIndex, retriever: Retriever, which: int
) -> None:
    now, before = SESSIONS[which]
    got = ask(retriever, SESSIONS[which])
    slow = Slow(index, now + before, [True] * len(now) + [False] * len(before))
    direction = unit_rows(50, DIM, 7)[sum(now) % 50]
    assert len(got.items) > 10
    for at, item in enumerate(got.items.tolist()):
        row = dict(zip(EVIDENCE_FEATURES, got.evidence[at].tolist(), strict=True))
        for name, value in slow.evidence(item, direction).items():
            assert row[name] == pytest.approx(value, abs=2e-4), (item, name)


def test_a_session_gets_the_same_bits_in_any_batch(retriever: Retriever) -> None:
    together = ask(retriever, *SESSIONS)
    for b, session in enumerate(SESSIONS):
        alone, mine = ask(retriever, session), together.owner == b
        assert (together.items[mine] == alone.items).all()
        assert together.evidence[mine].tobytes() == alone.evidence.tobytes()


def test_nothing_is_left_over_between_two_calls(retriever: Retriever) -> None:
    first, _, again = (ask(retriever, s) for s in (SESSIONS[1], SESSIONS[0], SESSIONS[1]))
    assert first.evidence.tobytes() == again.evidence.tobytes()


def test_a_listener_without_plays_gets_what_many_hear(
    index: SessionIndex, retriever: Retriever
) -> None:
    got = retriever.retrieve(*rings(([], [])), np.zeros((1, DIM), np.float32))
    assert set(got.items.tolist()) == set(index.popular.tolist())
    assert np.isfinite(got.evidence).all()


def test_candidates_come_once_and_say_who_named_them(
    index: SessionIndex, retriever: Retriever
) -> None:
    got = ask(retriever, SESSIONS[1])
    assert len(set(got.items.tolist())) == len(got.items)
    ring_bit = 1 << SOURCES.index("ring")
    assert set(got.items[got.sources & ring_bit > 0].tolist()) == {4, 5, 7, 9}
    popular = got.items[got.sources & 1 << SOURCES.index("popular") > 0]
    assert set(popular.tolist()) == set(index.popular.tolist())


def test_what_the_caller_brings_is_among_the_candidates_and_changes_no_other(
    retriever: Retriever,
) -> None:
    recent, current = rings(*SESSIONS[:2])
    towards = unit_rows(2, DIM, 3)
    small = Retriever(retriever.index, Limits(encoder=3, hybrid=3, soon=3))
    plain = small.retrieve(recent, current, towards)
    missing = next(i for i in range(ITEMS) if i not in plain.items[plain.owner == 1])
    extra = np.array([1], np.int32), np.array([missing], np.int32)
    more = small.retrieve(recent, current, towards, *extra)
    assert more.items[more.owner == 1][-1] == missing
    assert more.sources[-1] == 0
    assert more.evidence[:-1].tobytes() == plain.evidence.tobytes()


def test_searching_every_cluster_is_exact_and_a_few_find_most() -> None:
    rows = unit_rows(40 * MEMBERS, DIM, 1)
    found = cluster_items(rows)
    assert sorted(found.items.tolist()) == list(range(len(rows)))
    base = build_index(
        chain_log(100), unit_rows(ITEMS, DIM, 0), np.zeros(ITEMS, np.uint8), NeighbourRecipe()
    )
    empty = np.zeros(len(rows) + 1, np.int64)
    index = dataclasses.replace(
        base,
        vectors=rows,
        kind=np.zeros(len(rows), np.uint8),
        posting_starts=empty,
        link_starts=empty,
        facts=np.zeros((len(rows), 5), np.float32),
        centroids=found.centroids,
        cluster_starts=found.starts,
        cluster_items=found.items,
        clusters=found.vectors,
    )
    nothing, towards = np.full(RING, -1, np.int32), unit_rows(20, DIM, 2)
    exact = Retriever(index, Limits(exact_items=10**9))
    quick = Retriever(index, Limits(exact_items=0, probes=10))
    shared = 0
    for direction in towards:
        best = np.argsort(-(rows @ direction), kind="stable")[:100]
        near, _, _ = exact.lists(nothing, nothing > 0, direction)
        assert (near == best).all()
        shared += len(set(quick.lists(nothing, nothing > 0, direction)[0]) & set(best))
    assert shared / 2000 > 0.8
