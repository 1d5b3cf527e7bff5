"""Two authors' readings of the same rules: the fold and the slow fold agree on every log."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.core import events as ev
from service.core.codec import digest
from service.core.session import EMPTY, fold
from service.ops.reference_fold import ReferenceUser
from tests.event_makers import T0_MS, events, item_fact, record_of

offset_steps = st.integers(1, 3)


@given(st.lists(st.tuples(events(), offset_steps, st.integers(-400, 400)), max_size=120))
def test_the_slow_fold_and_the_fast_fold_agree_after_every_event(log: list[Any]) -> None:
    state, reference, offset = EMPTY, ReferenceUser(), 0
    for event, step, skew_s in log:
        offset += step
        record = record_of(event, offset, timestamp_ms=event.at_ms + skew_s * 1000)
        state, effect = fold(state, event, record)
        assert reference.apply(event, record) == effect
        assert reference.state() == state
        assert reference.digest() == digest(state)
        assert reference.version == state.version
        assert reference.is_deleted == state.is_deleted


def test_the_rings_stay_bounded_and_agree_when_they_overflow() -> None:
    state, reference = EMPTY, ReferenceUser()
    for n in range(200):
        event = item_fact(ev.Liked, f"i{n}", event_id=f"e{n}", artist_id=f"a{n}", at_ms=T0_MS + n)
        record = record_of(event, n)
        state, _ = fold(state, event, record)
        reference.apply(event, record)
    assert reference.state() == state
    assert (len(state.ring), len(state.items), len(state.artists)) == (50, 32, 24)
