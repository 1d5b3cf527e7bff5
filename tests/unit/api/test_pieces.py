"""Small parts of the HTTP side by themselves."""

from uuid import UUID

import numpy as np

from service.api.catalogue import TableCatalogue
from service.api.ids import new_event_id
from service.api.trace import trace_of
from service.core.events import Record
from service.core.items import Names
from tests.event_makers import small_table


def test_event_ids_are_version_7_and_sort_by_time() -> None:
    ids = [new_event_id(at_ms) for at_ms in (1_000, 1_700_000_000_000, 1_700_000_000_001)]
    assert ids == sorted(ids)
    assert {UUID(one).version for one in ids} == {7}
    assert len({new_event_id(5) for _ in range(100)}) == 100


def test_a_trace_survives_any_header() -> None:
    headers = (
        ("segue.sent_at_ns", b"\xff\xfe"),
        ("segue.polled_at_ns", b"-3"),
        ("segue.ranked_at_ns", b"9" * 40),
        ("segue.stored_at_ns", b""),
        ("segue.appended_at_ms", b"17"),
    )
    trace = trace_of(Record(1, 2, -1, b"u", b"{}", headers), received_at_ns=5)
    assert (trace.appended_at_ms, trace.received_at_ns, trace.published_at_ms) == (17, 5, None)
    assert trace.sent_at_ns is trace.polled_at_ns is trace.ranked_at_ns is trace.stored_at_ns


def test_a_card_says_what_is_known_and_leaves_out_what_is_not() -> None:
    table = small_table(3, artist=np.array([0, 1, -1], dtype=np.int32))
    names = Names(["Alpha", "Beta alpha", "Gamma"], [f"Artist {a}" for a in range(99)], ["S"] * 99)
    catalogue = TableCatalogue(table, names)
    first, last = catalogue.card(table.ids[0]), catalogue.card(table.ids[2])
    assert first is not None
    assert last is not None
    assert (first.title, first.artist, first.artist_id) == (
        "Alpha",
        "Artist 0",
        table.artist_ids[0],
    )
    assert (last.artist, last.artist_id) == (None, None)
    assert catalogue.card("unheard") is None
    assert [card.title for card in catalogue.search("ALPHA", 5)] == ["Alpha", "Beta alpha"]
    assert len(catalogue.search("a", 2)) == 2
