"""Explicit steering: what a listener asked for, and how asks add up.

An intent is one ask, carried by a `steered` event. `Steering` is what is in force after all of
them, part of the session state. Content types that are excluded stay excluded until they are
included again or steering is reset: a hard constraint never decays.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

ANCHORS_MAX: Final = 8
LESS_ARTISTS_MAX: Final = 16

_Id = Meta(min_length=1, max_length=128)
_Type = Literal["music", "podcast", "audiobook", "video"]


class SteerIntent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ask. Every field that is set applies; `reset` applies first."""

    more_like: Annotated[tuple[Annotated[str, _Id], ...], Meta(max_length=ANCHORS_MAX)] = ()
    less_artists: Annotated[tuple[Annotated[str, _Id], ...], Meta(max_length=LESS_ARTISTS_MAX)] = ()
    exclude_types: Annotated[tuple[_Type, ...], Meta(max_length=4)] = ()
    include_types: Annotated[tuple[_Type, ...], Meta(max_length=4)] = ()
    reset: bool = False
    source: Literal["button", "api", "words", "agent"] = "button"

    @property
    def is_empty(self) -> bool:
        """Whether the intent asks for nothing at all."""
        asks = self.more_like or self.less_artists or self.exclude_types or self.include_types
        return not (asks or self.reset)


class Steering(Struct, frozen=True, array_like=True, gc=False):
    """What is in force. Newest last; bounded."""

    more_like: tuple[str, ...] = ()
    less_artists: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()

    @property
    def is_neutral(self) -> bool:
        """Whether nothing is in force."""
        return not (self.more_like or self.less_artists or self.exclude_types)


NEUTRAL: Final = Steering()


def steer(steering: Steering, intent: SteerIntent) -> Steering:
    """Return the steering in force after `intent`.

    The opposite ask replaces the earlier one: including a type lifts its exclusion.

    >>> no_video = steer(NEUTRAL, SteerIntent(exclude_types=("video",)))
    >>> steer(no_video, SteerIntent(include_types=("video",))) == NEUTRAL
    True
    """
    base = NEUTRAL if intent.reset else steering
    excluded = [t for t in base.exclude_types if t not in intent.include_types]
    return replace(
        base,
        more_like=_newest(base.more_like, intent.more_like, ANCHORS_MAX),
        less_artists=_newest(base.less_artists, intent.less_artists, LESS_ARTISTS_MAX),
        exclude_types=_newest(tuple(excluded), intent.exclude_types, 4),
    )


def _newest(old: tuple[str, ...], new: tuple[str, ...], limit: int) -> tuple[str, ...]:
    kept = tuple(value for value in old if value not in new)
    return (*kept, *dict.fromkeys(new))[-limit:]
