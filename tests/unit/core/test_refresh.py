"""Which of a batch's events is named as the reason for a slate."""

from itertools import pairwise
from typing import Any

import pytest

from service.core import events as ev
from service.core.refresh import REASONS, refresh
from tests.event_makers import ITEM_FACTS, item_fact, steered, user_fact

TELLING_FIRST: list[Any] = [
    user_fact(ev.UserDeleted),
    steered(reset=True),
    *[
        item_fact(kind)
        for kind in (ev.Disliked, ev.Skipped, ev.Liked, ev.Saved, ev.Queued, ev.Completed)
    ],
    item_fact(ev.Started),
    user_fact(ev.SessionEnded),
]


def reason_of(*events: Any) -> str | None:
    due = refresh(events)
    return due and due[0]


@pytest.mark.parametrize(("more", "less"), list(pairwise(TELLING_FIRST)))
def test_the_more_telling_event_is_the_reason_whatever_the_order(more: Any, less: Any) -> None:
    expected = REASONS[type(more)]
    assert reason_of(more, less) == reason_of(less, more) == expected


def test_the_newest_of_equally_telling_events_is_named() -> None:
    skips = [item_fact(ev.Skipped, event_id=f"e{n}") for n in range(3)]
    assert refresh([*skips, item_fact(ev.Started, event_id="e9")]) == ("skipped", "e2")


def test_quiet_events_alone_call_for_no_slate() -> None:
    quiet = [item_fact(ev.Progressed), item_fact(ev.Seeked)]
    assert refresh(quiet) is None
    assert refresh([]) is None
    assert reason_of(*quiet, item_fact(ev.Started)) == "started"


def test_every_kind_of_event_that_is_not_quiet_has_a_reason() -> None:
    loud = {*ITEM_FACTS, ev.Steered, ev.SessionEnded, ev.UserDeleted}
    assert set(REASONS) == loud - {ev.Progressed, ev.Seeked}
