"""Splits in order of time, never shuffled: what comes later is what is asked."""

from dataclasses import dataclass

from models.sessions.read import SessionLog


@dataclass(frozen=True)
class Split:
    """An earlier and a later part of a log."""

    earlier: SessionLog
    later: SessionLog


def split_by_time(log: SessionLog, later_share: float) -> Split:
    """Cut off the newest share of the sessions.

    Raises:
        ValueError: One of the parts would be empty.
    """
    cut = len(log) - round(len(log) * later_share)
    if not 0 < cut < len(log):
        raise ValueError(
            f"{len(log)} sessions leave nothing on one side of a {later_share:.0%} split; give more"
        )
    return Split(log.between(0, cut), log.between(cut, len(log)))
