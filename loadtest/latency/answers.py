"""Pairs events with what answered them, after a slice is over.

A slate answers every event of its user up to its source offset: when one poll brings two events of
a user, one slate answers both. Offsets are known from the broker's acknowledgements, so no record
has to carry anything for the pairing.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct


class Asked(Struct, frozen=True, gc=False):
    """An event that was sent."""

    user: bytes
    offset: int  # in its partition; a user has but one
    due_at_ns: int


class Answer(Struct, frozen=True, gc=False):
    """Something that came back."""

    user: bytes
    offset: int  # the last one it covers
    received_at_ns: int


def latencies_ns(asked: Iterable[Asked], answers: Iterable[Answer]) -> list[int]:
    """Return, for each event that was answered, the time to the first answer that covers it.

    An answer that comes again (a worker that restarted repeats itself) changes nothing.
    """
    by_user: dict[bytes, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_user[answer.user].append(answer)
    covers = {user: _first_arrivals(mine) for user, mine in by_user.items()}
    latencies = []
    for event in asked:
        offsets, arrivals = covers.get(event.user, ([], []))
        at = bisect_left(offsets, event.offset)
        if at < len(offsets):
            latencies.append(arrivals[at] - event.due_at_ns)
    return latencies


def _first_arrivals(answers: list[Answer]) -> tuple[list[int], list[int]]:
    """Offsets ascending, and beside each when anything at or past it first arrived."""
    answers = sorted(answers, key=lambda answer: answer.offset)
    arrivals = [answer.received_at_ns for answer in answers]
    for at in range(len(arrivals) - 2, -1, -1):
        arrivals[at] = min(arrivals[at], arrivals[at + 1])
    return [answer.offset for answer in answers], arrivals
