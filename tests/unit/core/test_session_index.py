"""What an index finds joins what other sources found; every candidate carries its evidence."""

from dataclasses import dataclass

import numpy as np

from service.adapters.memory import PopularityScorer
from service.core import events as ev
from service.core.features import Features
from service.core.items import F32
from service.core.session import EMPTY
from service.ranking import Ranking
from service.sources import default_sources
from service.sources.session_index import Found, SessionIndex
from tests.event_makers import folded, item_fact, small_table, steered

TABLE = small_table(120)


class NewestPlay:
    """Points at the newest play's vector, as an encoder does that has learned nothing else."""

    def encode(self, recent: np.ndarray, current: np.ndarray, end: np.ndarray) -> F32:
        newest = TABLE.vectors[np.maximum(recent[:, 0], 0)]
        return np.where(recent[:, :1] >= 0, newest, np.float32(0))


def nearest_five(
    recent: np.ndarray,
    current: np.ndarray,
    directions: F32,
    extra_owner: np.ndarray,
    extra_items: np.ndarray,
) -> Found:
    """Exact search; the evidence is the cosine and the item's row. In no order at all."""
    best = np.argsort(-(directions @ TABLE.vectors.T), axis=1)[:, :5].astype(np.int32)
    asking = np.flatnonzero(np.abs(directions).sum(axis=1) > 0)
    mine = [(int(b), int(row)) for b in asking for row in best[b]]
    extra = list(zip(extra_owner.tolist(), extra_items.tolist(), strict=True))
    pairs = np.array(sorted(set(mine) | set(extra), key=lambda p: -p[1]), dtype=np.int32)
    owner, items = pairs.reshape(-1, 2).T
    cosine = (directions[owner] * TABLE.vectors[items]).sum(axis=1)
    bits = np.array([pair in set(mine) for pair in map(tuple, pairs.tolist())], dtype=np.uint32)
    return owner, items, bits, np.stack([cosine, items], axis=1).astype(np.float32)


@dataclass
class CosineScorer(PopularityScorer):
    """Reads the evidence alone; keeps what it was asked."""

    asked: Features | None = None

    @property
    def blocks(self) -> tuple[str, ...]:
        return ("evidence",)

    @property
    def heads(self) -> tuple[str, ...]:
        return ("next",)

    def score(self, features: Features) -> F32:
        self.asked = features
        return np.asarray((features.candidate[:, :1] + 1) / 2, dtype=np.float32)


def ranking(scorer: CosineScorer) -> Ranking:
    index = SessionIndex(NewestPlay(), nearest_five)
    return Ranking(TABLE, default_sources(TABLE), scorer, retrieval=index)


HEARD = folded(item_fact(ev.Completed, "i4"))


def test_evidence_stays_beside_its_candidate_through_union_and_filters() -> None:
    scorer = CosineScorer()
    states = [HEARD, EMPTY, folded(item_fact(ev.Completed, "i9"), steered(exclude_types=["video"]))]
    ranking(scorer).rank(states)
    asked = scorer.asked
    assert asked is not None
    assert asked.user.shape == (3, 0)
    rows = asked.candidate[:, 1].astype(int)
    assert (np.diff(asked.owner) >= 0).all()
    assert (asked.kind == TABLE.content_type[rows]).all()
    newest = TABLE.vectors[[4, 0, 9]] * np.array([[1], [0], [1]])
    cosine = (newest[asked.owner] * TABLE.vectors[rows]).sum(axis=1)
    np.testing.assert_allclose(asked.candidate[:, 0], cosine, atol=1e-6)


def test_items_that_only_the_index_found_are_served_and_named_so() -> None:
    (ranked,) = ranking(CosineScorer()).rank([HEARD])
    towards = TABLE.vectors @ TABLE.vectors[4]
    nearest = [TABLE.ids[row] for row in np.argsort(-towards)[1:5]]
    assert [item.item_id for item in ranked.items][:3] == nearest[:3]
    assert {item.source for item in ranked.items[:3]} == {"follows"}
    assert tuple(ranked.items[0].heads) == ("next",)


def test_a_listener_who_has_heard_nothing_still_gets_what_is_popular() -> None:
    (ranked,) = ranking(CosineScorer()).rank([EMPTY])
    assert ranked.items
    assert {item.source for item in ranked.items} <= {"popular", "fresh"}


def test_a_slate_does_not_depend_on_who_else_asks_the_index() -> None:
    states = [HEARD, EMPTY, *(folded(item_fact(ev.Completed, f"i{n}")) for n in range(9))]
    together = ranking(CosineScorer()).rank(states)
    assert together == [ranking(CosineScorer()).rank([state])[0] for state in states]
