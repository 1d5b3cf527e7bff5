"""The union of candidate sources."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.candidates import union
from service.core.items import I32
from service.core.session import EMPTY
from service.core.sessions import SessionBatch, session_batch
from tests.event_makers import small_table

SESSIONS = 3
TABLE = small_table(12)
EMPTIES = session_batch(TABLE, [EMPTY] * SESSIONS)

pairs = st.lists(st.tuples(st.integers(0, SESSIONS - 1), st.integers(0, 11)), max_size=40)


@dataclass(frozen=True)
class Fixed:
    """A source that always proposes the same (owner, item) pairs."""

    pairs: list[tuple[int, int]]
    name: str = "fixed"

    def propose(self, sessions: SessionBatch) -> tuple[I32, I32]:
        owner, items = np.array(self.pairs, dtype=np.int32).reshape(-1, 2).T
        return owner, items


def bits_of(*sources: Fixed) -> dict[tuple[int, int], int]:
    merged = union(EMPTIES, sources)
    found = list(zip(merged.owner.tolist(), merged.items.tolist(), strict=True))
    assert len(set(found)) == len(found), "a candidate came out twice"
    return dict(zip(found, merged.sources.tolist(), strict=True))


def test_an_item_from_two_sources_becomes_one_candidate_that_names_both() -> None:
    assert bits_of(Fixed([(0, 5), (1, 5)]), Fixed([]), Fixed([(0, 5)])) == {(0, 5): 5, (1, 5): 1}


def test_an_item_a_source_names_twice_becomes_one_candidate() -> None:
    assert bits_of(Fixed([(2, 7), (2, 7)])) == {(2, 7): 1}


def test_owners_come_out_in_order() -> None:
    merged = union(EMPTIES, [Fixed([(2, 1), (0, 9)]), Fixed([(1, 3), (0, 2)])])
    assert merged.owner.tolist() == [0, 0, 1, 2]


def test_sources_that_propose_nothing_make_no_candidates() -> None:
    assert len(union(EMPTIES, [Fixed([]), Fixed([])])) == 0


@given(st.lists(pairs, min_size=1, max_size=6))
def test_what_was_proposed_is_what_comes_out_with_every_source_named(
    proposals: list[list[tuple[int, int]]],
) -> None:
    expected: dict[tuple[int, int], int] = {}
    for number, proposed in enumerate(proposals):
        for pair in proposed:
            expected[pair] = expected.get(pair, 0) | 1 << number
    assert bits_of(*[Fixed(proposed) for proposed in proposals]) == expected
