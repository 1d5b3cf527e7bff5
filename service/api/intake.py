"""What arrives over HTTP becomes an event: completed, validated, never interpreted.

Pure: clock readings and fresh ids come in as arguments. Unknown fields pass through untouched,
because a client may run ahead of this service; what steers is checked to the letter, because a
mistyped wish that is silently ignored looks like a service that does not listen.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from service.api.ports import Catalogue
from service.api.problems import FieldError, Problem, invalid
from service.core.events import ID_PATTERN, PlaybackEvent, Steered, UserId
from service.core.steering import SteerIntent
from service.core.wire import FUTURE_MAX_MS

ID_LENGTH_MAX: Final = 128
EVENTS_MAX: Final = 500
BODY_BYTES_MAX: Final = 1024 * 1024

_ID: Final = re.compile(ID_PATTERN)
_WHERE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_STEER_FIELDS: Final = frozenset(SteerIntent.__struct_fields__)
_ENVELOPE_FIELDS: Final = frozenset({"event_id", "at_ms", "surface", "device", "country"})
_FROM_CATALOGUE: Final = ("artist_id", "content_type", "duration_ms")

Fields = dict[str, Any]


def check_user_id(user_id: str) -> UserId:
    """Return the id when it can be one.

    Raises:
        Problem: It cannot; 422.
    """
    if len(user_id) > ID_LENGTH_MAX or not _ID.match(user_id):
        raise invalid("user_id", f"expected 1 to {ID_LENGTH_MAX} characters of {ID_PATTERN}")
    return UserId(user_id)


def complete(
    fields: object, catalogue: Catalogue, *, user_id: str | None, event_id: str, at_ms: int
) -> Fields:
    """Fill in what was left out: ids and time from the edge, the item's facts from the catalogue.

    Raises:
        Problem: This is not an object, or names another user than the address; 422.
    """
    if not isinstance(fields, dict):
        raise invalid("", f"expected an object, got {type(fields).__name__}")
    if user_id is not None and fields.get("user_id", user_id) != user_id:
        raise invalid("/user_id", "differs from the user in the address")
    known = {"event_id": event_id, "at_ms": at_ms, **_item_facts(fields, catalogue)}
    if user_id is not None:
        known["user_id"] = user_id
    return known | {name: value for name, value in fields.items() if value is not None}


def validate(fields: Fields, now_ms: int) -> PlaybackEvent:
    """Check the event as the worker will: better an answer now than a dead letter later.

    Raises:
        Problem: It would be dead-lettered; 422, naming the field.
    """
    try:
        event: PlaybackEvent = msgspec.convert(fields, PlaybackEvent)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from error
    if event.at_ms > now_ms + FUTURE_MAX_MS:
        ahead_s = (event.at_ms - now_ms) // 1000
        raise invalid("/at_ms", f"{ahead_s} s in the future; is it in milliseconds?")
    if isinstance(event, Steered) and event.intent.is_empty:
        raise invalid("/intent", "asks for nothing; set at least one field")
    return event


def steered(body: object, catalogue: Catalogue) -> Fields:
    """Make the fields of a `steered` event from the body of a steer request.

    `less_artist_of: item_id` is a convenience for clients that know the item and not the artist.

    Raises:
        Problem: A wish is unknown, mistyped, about an unknown item, or there is none; 422.
    """
    if not isinstance(body, dict):
        raise invalid("", f"expected an object, got {type(body).__name__}")
    _refuse_unknown(body)
    intent = {name: body[name] for name in _STEER_FIELDS & body.keys() if body[name] is not None}
    if body.get("less_artist_of") is not None:
        artist_id = _artist_of(body["less_artist_of"], catalogue)
        intent["less_artists"] = [*intent.get("less_artists", ()), artist_id]
    intent.setdefault("source", "api")
    _check_intent(intent)
    envelope = {name: body[name] for name in _ENVELOPE_FIELDS & body.keys()}
    return {"type": "steered", **envelope, "intent": intent}


def at_index(index: int, problem: Problem) -> Problem:
    """Move a problem's fields under one element of a list."""
    errors = [FieldError(f"/{index}{error.field}", error.detail) for error in problem.errors]
    return Problem(problem.status, f"/{index}{problem.detail}", errors)


def _item_facts(fields: Mapping[str, Any], catalogue: Catalogue) -> Fields:
    item_id = fields.get("item_id")
    card = catalogue.card(item_id) if isinstance(item_id, str) else None
    facts = {name: getattr(card, name) for name in _FROM_CATALOGUE} if card else {}
    return {name: value for name, value in facts.items() if value is not None}


def _refuse_unknown(body: Iterable[Any]) -> None:
    allowed = _STEER_FIELDS | _ENVELOPE_FIELDS | {"less_artist_of"}
    for name in body:
        if name not in allowed:
            raise invalid(f"/{name}", f"no such wish; there are {', '.join(sorted(allowed))}")


def _artist_of(item_id: object, catalogue: Catalogue) -> str:
    card = catalogue.card(item_id) if isinstance(item_id, str) else None
    if card is None or card.artist_id is None:
        raise invalid("/less_artist_of", "the catalogue knows no artist of this item")
    return card.artist_id


def _check_intent(intent: Fields) -> None:
    try:
        wish = msgspec.convert(intent, SteerIntent)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from error
    if wish.is_empty:
        wishes = ", ".join(sorted(_STEER_FIELDS - {"source"}))
        raise invalid("", f"asks for nothing; set one of {wishes}")


def _named(message: str) -> Problem:
    """Read the field out of msgspec's message: "Expected `int`, got `str` - at `$.at_ms`"."""
    match = _WHERE.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    missing = re.search(r"missing required field `(\w+)`", what)
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path))
    return invalid(f"{pointer}/{missing[1]}" if missing else pointer, what)
