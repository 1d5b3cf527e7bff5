"""JSON Schemas (2020-12) of what goes over Kafka, generated from the structs and nothing else.

playback-event        in:  the bare JSON event
slate, outcome-batch  out: values
dead-letter-headers   out: what our headers say about a dead letter, by name
"""

from typing import Any, Final

import msgspec

from service.core.errors import PoisonKind
from service.core.events import PlaybackEvent
from service.core.slates import DEAD_LETTER_HEADERS, OutcomeBatch, Slate

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLES: Final = {
    "playback-event": "Playback event",
    "slate": "Slate",
    "outcome-batch": "Outcome batch",
    "dead-letter-headers": "Headers of a dead letter",
}
_ROOTS: Final[dict[str, Any]] = {
    "playback-event": PlaybackEvent,
    "slate": Slate,
    "outcome-batch": OutcomeBatch,
}
_ABOUT: Final = {
    "topic": "the topic the record was on",
    "partition": "its partition",
    "offset": "its offset",
    "timestamp_ms": "its timestamp, Unix milliseconds",
    "kind": "why it can never be processed",
    "message": "the same for people: field, what was expected, what to do",
    "attempt": "how often it was tried",
    "first_failed_at_ms": "when it failed first, Unix milliseconds",
}
_TEXT: Final = frozenset({"topic", "kind", "message"})


def all_schemas() -> dict[str, Schema]:
    """Return every schema as a document of its own, by name."""
    made = {name: _document(name, root) for name, root in _ROOTS.items()}
    headers = {"$schema": DIALECT, "$id": _id("dead-letter-headers"), **dead_letter_headers()}
    return {**made, "dead-letter-headers": headers}


def components(ref_template: str) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Return (schema of each root by name, schemas they share by struct name).

    Args:
        ref_template: How a shared schema is referred to, with `{name}` in it.
    """
    roots, shared = msgspec.json.schema_components(
        tuple(_ROOTS.values()), ref_template=ref_template
    )
    named = {name: _plain(root) for name, root in zip(_ROOTS, roots, strict=True)}
    return named, {name: _plain(schema) for name, schema in shared.items()}


def dead_letter_headers() -> Schema:
    """Return the schema of our headers on a dead letter: all are text."""
    properties = {name: _header(name.rsplit(".", 1)[-1]) for name in DEAD_LETTER_HEADERS}
    return {
        "title": TITLES["dead-letter-headers"],
        "description": "Header values as UTF-8 text; the record's own headers stay beside them.",
        "type": "object",
        "properties": properties,
        "required": list(DEAD_LETTER_HEADERS),
    }


def _header(fact: str) -> Schema:
    about = _ABOUT[fact]
    if fact == "kind":
        return {"description": about, "enum": sorted(PoisonKind)}
    if fact in _TEXT:
        return {"description": about, "type": "string"}
    return {"description": about, "type": "string", "pattern": "^-?[0-9]+$"}


def _document(name: str, root: Any) -> Schema:
    (schema,), shared = msgspec.json.schema_components((root,), ref_template="#/$defs/{name}")
    return {
        "$schema": DIALECT,
        "$id": _id(name),
        "title": TITLES[name],
        **_plain(schema),
        "$defs": {key: _plain(value) for key, value in shared.items()},
    }


def _id(name: str) -> str:
    return f"urn:segue:{name}:v1"


def _plain(schema: Any) -> Any:
    """Drop OpenAPI's `discriminator`: each variant's `type` says the same in plain JSON Schema."""
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key != "discriminator"}
    if isinstance(schema, list):
        return [_plain(value) for value in schema]
    return schema
