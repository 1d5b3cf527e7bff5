"""The AsyncAPI 3.0 document: topics, keys, headers, payloads, examples.

It describes the default topic names; a deployment may rename them. Everything about payloads comes
from the structs.
"""

from typing import Any, Final

import msgspec

from service.core.wire import FUTURE_MAX_MS, RECORD_MAX_BYTES
from service.ops.contracts.examples import example_events, example_outcomes, example_slate
from service.ops.contracts.schemas import components, dead_letter_headers
from service.settings import TopicSettings

Document = dict[str, Any]

_BINDING: Final = "0.5.0"
_MURMUR2: Final = (
    "UTF-8 bytes of the user id. Partitioned by murmur2, the default of the Java client and of"
    " aiokafka; producers on librdkafka must set partitioner=murmur2_random. A record under another"
    " partitioner's choice is dead-lettered as misrouted."
)
_CLOUD_EVENTS: Final = {
    "ce_specversion": "1.0, when any ce_ header is there",
    "ce_id": "event_id, when the body has none",
    "ce_type": "its last dotted word is the type: com.example.playback.skipped",
    "ce_source": "ignored",
    "ce_time": "at_ms as RFC 3339 time, when the body has none",
    "ce_partitionkey": "user_id, when the body has none",
    "traceparent": "W3C trace context; copied to the slate it causes",
}
_TRACE: Final = {
    "traceparent": "of the event that caused the slate",
    "segue.appended_at_ms": "append time of that event, Unix milliseconds",
    "segue.polled_at_ns": "when the worker had read it, Unix nanoseconds",
    "segue.stored_at_ns": "when the state was stored",
    "segue.ranked_at_ns": "when the slate was ranked",
}


def asyncapi(topics: TopicSettings | None = None) -> Document:
    """Return the document."""
    topics = topics or TopicSettings()
    roots, shared = components("#/components/schemas/{name}")
    channels = _channels(topics)
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(),
        "components": {
            "messages": _messages(),
            "schemas": {
                **{_camel(name): root for name, root in roots.items() if "$ref" not in root},
                **shared,
                "DeadLetterHeaders": dead_letter_headers(),
            },
        },
    }


def _info() -> Document:
    return {
        "title": "Segue",
        "version": "1.0.0",
        "description": (
            "Playback events in, refreshed Now Playing slates out. Within v1, contracts only grow:"
            " fields may be added, nothing is removed or changes its type."
        ),
        "license": {"name": "Apache-2.0"},
    }


def _channels(topics: TopicSettings) -> Document:
    settings = {"cleanup.policy": ["delete"], "max.message.bytes": 16 * 1024 * 1024}
    return {
        "playbackEvents": _channel(
            topics.events,
            "playbackEvent",
            "Every fact about a session, one log, one order per user. Stamped with the broker's"
            f" append time (message.timestamp.type=LogAppendTime). At most {RECORD_MAX_BYTES} bytes"
            f" a record, and at_ms at most {FUTURE_MAX_MS // 1000} s ahead of the broker.",
            settings,
        ),
        "slates": _channel(
            topics.slates,
            "slate",
            "The newest slate of every user; keep the highest version per user. A null value means"
            " that the user was deleted.",
            {"cleanup.policy": ["compact", "delete"]},
        ),
        "outcomes": _channel(
            topics.outcomes,
            "outcomeBatch",
            "What became of what was served. At least once: de-duplicate by (partition, offset).",
            {"cleanup.policy": ["delete"]},
        ),
        "deadLetters": _channel(
            topics.dead_letters,
            "deadLetter",
            "Records of the events topic that can never be processed, their payload untouched (cut"
            f" at {RECORD_MAX_BYTES} bytes), with the reason in headers.",
            settings,
        ),
    }


def _channel(address: str, message: str, about: str, topic: Document) -> Document:
    return {
        "address": address,
        "description": about,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"kafka": {"topicConfiguration": topic, "bindingVersion": _BINDING}},
    }


def _operations() -> Document:
    said = {
        "foldPlaybackEvents": ("receive", "playbackEvents", "Fold events into session states."),
        "publishSlates": ("send", "slates", "Push the refreshed slate of a user."),
        "publishOutcomes": ("send", "outcomes", "Say what became of served items."),
        "publishDeadLetters": ("send", "deadLetters", "Put aside what cannot be read."),
    }
    return {
        name: {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": about,
        }
        for name, (action, channel, about) in said.items()
    }


def _messages() -> Document:
    return {
        "playbackEvent": {
            "title": "Playback event",
            "summary": "Bare JSON, or the same body under CloudEvents 1.0 binary-mode headers.",
            "contentType": "application/json",
            "headers": _text_headers(_CLOUD_EVENTS),
            "payload": {"$ref": "#/components/schemas/PlaybackEvent"},
            "bindings": _keyed(_MURMUR2),
            "examples": [
                {"name": str(event.__struct_config__.tag), "payload": msgspec.to_builtins(event)}
                for event in example_events()
            ],
        },
        "slate": {
            "title": "Slate",
            "contentType": "application/json",
            "headers": _text_headers(_TRACE),
            "payload": {"$ref": "#/components/schemas/Slate"},
            "bindings": _keyed("UTF-8 bytes of the user id."),
            "examples": [{"name": "skipped", "payload": msgspec.to_builtins(example_slate())}],
        },
        "outcomeBatch": {
            "title": "Outcome batch",
            "contentType": "application/json",
            "payload": {"$ref": "#/components/schemas/OutcomeBatch"},
            "examples": [{"name": "skipped", "payload": msgspec.to_builtins(example_outcomes())}],
        },
        "deadLetter": {
            "title": "Dead letter",
            "contentType": "application/octet-stream",
            "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
            "payload": {"description": "The refused record's value, byte for byte."},
            "bindings": _keyed("The refused record's key, byte for byte; may be null."),
        },
    }


def _keyed(about: str) -> Document:
    return {"kafka": {"key": {"type": "string", "description": about}, "bindingVersion": _BINDING}}


def _text_headers(said: dict[str, str]) -> Document:
    properties = {name: {"type": "string", "description": about} for name, about in said.items()}
    return {"type": "object", "properties": properties}


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
