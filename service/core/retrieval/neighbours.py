"""Sessions like this one and what they hold (VSKNN; Jannach and Ludewig, RecSys 2017), compiled.

Alike by the plays they share, newer ones counting more: once with a wide fade over the session,
once with a narrow one that hears little but the newest plays.
"""

import numpy as np
from numba import njit

from service.core.items import F32, I32
from service.core.retrieval.index import I64
from service.core.retrieval.scratch import COUNT, NARROW, SEEN, WIDE


@njit(cache=True)
def find_sessions(
    recent: I32,
    fade: F32,
    posting_starts: I64,
    postings: I32,
    alike: F32,
    sessions: I32,
) -> int:
    """Weigh the sessions that share a play: alike[s], sessions; returns how many there are.

    fade float32[r, 2], wide and narrow. A play that comes again counts once, at its newest.
    """
    count = 0
    for place in range(len(recent)):
        item = recent[place]
        if item < 0 or (recent[:place] == item).any():
            continue
        for at in range(posting_starts[item], posting_starts[item + 1]):
            session = postings[at]
            if alike[session, 0] == 0:
                sessions[count] = session
                count += 1
            alike[session, 0] += fade[place, 0]
            alike[session, 1] += fade[place, 1]
    return count


@njit(cache=True)
def add_held(  # noqa: C901, PLR0913, PLR0917
    sessions: I32,
    alike: F32,
    most: tuple[int, int],
    play_starts: I64,
    plays: I32,
    weighed: np.ndarray,
    found: F32,
    touched: I32,
    count: int,
) -> int:
    """Add up what the most alike sessions hold; cleans `alike`; returns how many items are touched.

    Of sessions equally alike, the newer.
    """
    total = len(sessions)
    for kind in range(2):
        cut = -1.0
        for at in range(total):
            # A whole part and a share below any difference of weights: newest first among equals.
            weighed[at] = np.float64(alike[sessions[at], kind]) + 1e-9 * (
                (sessions[at] + 1) / (len(play_starts) + 1)
            )
        if total > most[kind]:
            cut = np.partition(weighed[:total], total - most[kind])[total - most[kind]]
        for at in range(total):
            if weighed[at] < cut:
                continue
            session = sessions[at]
            for play in range(play_starts[session], play_starts[session + 1]):
                item = plays[play]
                if found[item, SEEN] == 0:
                    found[item, SEEN] = 1
                    touched[count] = item
                    count += 1
                if kind == 0:
                    found[item, WIDE] += alike[session, 0]
                    found[item, COUNT] += 1
                else:
                    found[item, NARROW] += alike[session, 1]
    for at in range(total):
        alike[sessions[at], 0] = 0
        alike[sessions[at], 1] = 0
    return count
