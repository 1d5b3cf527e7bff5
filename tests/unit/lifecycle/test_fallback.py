"""The ranker without a model."""

import numpy as np

from service.core import events as ev
from service.core.session import EMPTY
from service.lifecycle.fallback import FALLBACK, FallbackRanker
from tests.event_makers import folded, item_fact, steered
from tests.unit.lifecycle.rankings import TABLE, ranking, scorer_of

FALLBACK_RANKER = FallbackRanker.beside(ranking())


def test_it_asks_no_model() -> None:
    broken = ranking()
    scorer_of(broken).raises = RuntimeError("no model here")
    (slate,) = FallbackRanker.beside(broken).rank([EMPTY])
    assert slate.items
    assert slate.degraded == (FALLBACK,)
    assert all(item.heads == {} for item in slate.items)


def test_what_is_near_the_session_comes_before_what_is_not() -> None:
    (slate,) = FALLBACK_RANKER.rank([folded(item_fact(ev.Completed, "i77"))])
    first = TABLE.row_of(slate.items[0].item_id)
    last = TABLE.row_of(slate.items[-1].item_id)
    assert TABLE.vectors[77] @ TABLE.vectors[first] > TABLE.vectors[77] @ TABLE.vectors[last]


def test_somebody_unknown_gets_the_most_popular_first() -> None:
    (slate,) = FALLBACK_RANKER.rank([EMPTY])
    rows = [TABLE.row_of(item.item_id) for item in slate.items]
    assert rows[0] == int(np.argmax(TABLE.popularity))


def test_the_listener_s_word_holds_without_a_model() -> None:
    word = steered(exclude_types=("podcast", "video"))
    (slate,) = FALLBACK_RANKER.rank([folded(item_fact(ev.Disliked, "i0"), word)])
    assert {item.content_type for item in slate.items} <= {"music", "audiobook"}
    assert "i0" not in {item.item_id for item in slate.items}


def test_nothing_to_offer_is_said_beside_the_fallback() -> None:
    (slate,) = FALLBACK_RANKER.rank([folded(steered(exclude_types=ev.CONTENT_TYPES))])
    assert slate.degraded == (FALLBACK, "no_candidates")
