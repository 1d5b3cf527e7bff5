"""Three kinds of failure, because there are three reactions.

PoisonRecord             dead-letter the record and go on
Unavailable, StaleWrite  keep the offset, rewind, back off, try again
AssertionError           a bug: crash
"""

from enum import StrEnum


class SegueError(Exception):
    """Base of every failure the service expects and names."""


class PoisonKind(StrEnum):
    """Why a record can never be processed. Stable: dead letters and metrics carry these words."""

    EMPTY = "empty"
    OVERSIZED = "oversized"
    BROKEN_JSON = "broken_json"
    TOO_DEEP = "too_deep"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_FIELD = "invalid_field"
    BAD_ENVELOPE = "bad_envelope"
    NULL_KEY = "null_key"
    WRONG_KEY = "wrong_key"
    MISROUTED = "misrouted"
    FAR_FUTURE = "far_future"


class PoisonRecord(SegueError):
    """This record can never be processed: dead-letter it and move on."""

    def __init__(self, kind: PoisonKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Unavailable(SegueError):
    """A dependency did not answer: keep the offset, back off, try again."""


class StaleWrite(SegueError):
    """The store does not hold what this worker believed: drop caches, rewind, fold again."""


class Fenced(StaleWrite):
    """A younger owner has claimed the partition: this worker's batch is void."""


class Refused(SegueError):
    """Something does not fit this service (model, catalogue, layout): do not start with it."""
