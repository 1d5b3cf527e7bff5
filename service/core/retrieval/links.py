"""What followed what: in everybody's sessions (links) and in the listener's own ring, compiled."""

from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.index import I64, U16, Mask
from service.core.retrieval.scratch import (
    BACK,
    BEFORE_COUNT,
    BEFORE_NEARNESS,
    FOLLOWS,
    LATELY,
    NEARNESS,
    OWN_NEXT,
    OWN_SECOND,
    OWN_SOON,
    SEEN,
    SOON,
    SOON_ALL,
    SOON_BACK,
    SOON_SECOND,
    SOON_THIRD,
)

STEPS = 3
HALF_PLAYS = 4.0


@njit(cache=True)
def add_links(  # noqa: PLR0913, PLR0917 - a kernel takes bare arrays
    recent: I32,
    link_starts: I64,
    link_items: I32,
    links: U16,
    found: F32,
    touched: I32,
    count: int,
) -> int:
    """Add up what came soon after the newest plays; the newest one's links are kept apart too."""
    for place in range(len(recent)):
        if recent[place] < 0:
            continue
        for at in range(link_starts[recent[place]], link_starts[recent[place] + 1]):
            item = link_items[at]
            if found[item, SEEN] == 0:
                found[item, SEEN] = 1
                touched[count] = item
                count += 1
            soon = links[at, 3] / 6
            found[item, SOON_ALL] += soon / (1 + place)
            if place == 0:
                found[item, FOLLOWS] = links[at, 0] / 6
                found[item, LATELY] = links[at, 1] / 6
                found[item, BACK] = links[at, 2] / 6
                found[item, SOON] = soon
                found[item, SOON_BACK] = links[at, 4] / 6
            elif place == 1:
                found[item, SOON_SECOND] = soon
            elif place == 2:
                found[item, SOON_THIRD] = soon
    return count


@njit(cache=True)
def add_ring(recent: I32, current: Mask, found: F32, touched: I32, count: int) -> int:  # noqa: C901
    """Add up what the ring says: heard in this session, heard before, and what it then came after.

    recent int32[r], current bool[r], newest first. Own transitions fade with their age.
    """
    last = recent[0] if current[0] else -1
    second = recent[1] if current[1] else -1
    for place in range(len(recent)):
        item = recent[place]
        if item < 0:
            continue
        if found[item, SEEN] == 0:
            found[item, SEEN] = 1
            touched[count] = item
            count += 1
        nearness = 1 / (1 + place)
        if current[place]:
            found[item, NEARNESS] = max(found[item, NEARNESS], nearness)
        else:
            found[item, BEFORE_COUNT] += 1
            found[item, BEFORE_NEARNESS] = max(found[item, BEFORE_NEARNESS], nearness)
        fade = HALF_PLAYS / (HALF_PLAYS + place)
        for apart in range(1, STEPS + 1):
            if place + apart >= len(recent) or recent[place + apart] < 0:
                break
            if recent[place + apart] == last:
                found[item, OWN_SOON] += fade / apart
                if apart == 1:
                    found[item, OWN_NEXT] += 1
            if recent[place + apart] == second:
                found[item, OWN_SECOND] += 1 / apart
    return count
