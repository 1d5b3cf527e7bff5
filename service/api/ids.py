"""Ids for events that came without one."""

import os
from uuid import UUID


def new_event_id(at_ms: int) -> str:
    """Make a version 7 UUID: sorted by time, unique without asking anybody.

    A client that retries should send an id of its own, which stays the same on each attempt.

    Source: RFC 9562, section 5.7.
    """
    random = int.from_bytes(os.urandom(10), "big")
    high = (at_ms & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random >> 68 & 0x0FFF
    low = 1 << 63 | random & 0x3FFF_FFFF_FFFF_FFFF
    return str(UUID(int=high << 64 | low))
