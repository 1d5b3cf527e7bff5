"""The committed contracts are what the structs say, valid, and kind to yesterday's programs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
import yaml
from cloudevents.core.bindings.kafka import to_binary_event
from cloudevents.core.v1.event import CloudEvent

from service.adapters.kafka import dead_letter_headers
from service.core.events import Record
from service.core.slates import DeadLetter, OutcomeBatch, Slate
from service.core.wire import decode
from service.ops.contracts.compare import Side, breaks
from service.ops.contracts.examples import example_events, example_outcomes, example_slate
from service.ops.contracts.files import FOLDER, contract_files, stale_contracts, write_contracts
from service.ops.contracts.schemas import DIALECT, all_schemas
from service.ops.contracts.yaml_text import yaml_text
from tests.bad_records import bad_records
from tests.unit.ops.test_ledger import sound_run

GOLDEN = Path(__file__).parents[2] / "golden" / "contracts" / "v1"
SIDES: dict[str, Side] = {
    "playback-event": "input",
    "slate": "output",
    "outcome-batch": "output",
    "dead-letter-headers": "output",
}


def golden_schema(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.schema.json").read_text())  # type: ignore[no-any-return]


def golden_lines(name: str) -> list[bytes]:
    return (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()


def validate(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(value)


def asyncapi_document() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())  # type: ignore[no-any-return]


def test_the_committed_files_are_what_the_structs_give() -> None:
    assert stale_contracts(FOLDER) == [], "run `segue contracts` and look at the difference"


def test_writing_makes_a_folder_whole_and_touches_nothing_that_is_right(tmp_path: Path) -> None:
    assert write_contracts(tmp_path) == list(contract_files())
    assert write_contracts(tmp_path) == []
    (tmp_path / "asyncapi.yaml").write_text("old")
    assert stale_contracts(tmp_path) == ["asyncapi.yaml"]


@pytest.mark.parametrize("name", all_schemas())
def test_every_schema_is_valid_json_schema_and_names_itself(name: str) -> None:
    schema = all_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == f"urn:segue:{name}:v1"


@pytest.mark.parametrize("name", SIDES)
def test_no_schema_breaks_yesterdays_readers_or_writers(name: str) -> None:
    assert breaks(golden_schema(name), all_schemas()[name], SIDES[name]) == []


@pytest.mark.parametrize("line", golden_lines("events"))
def test_yesterdays_events_decode_today(line: bytes) -> None:
    event = json.loads(line)
    record = Record(0, 0, event["at_ms"], event["user_id"].encode(), line)
    assert json.loads(msgspec.json.encode(decode(record))).items() >= event.items()


def test_yesterdays_outputs_decode_with_todays_readers() -> None:
    assert [msgspec.json.decode(line, type=Slate) for line in golden_lines("slates")]
    assert [msgspec.json.decode(line, type=OutcomeBatch) for line in golden_lines("outcomes")]


def test_what_is_written_today_is_valid_under_yesterdays_schemas() -> None:
    for event in example_events():
        validate(json.loads(msgspec.json.encode(event)), golden_schema("playback-event"))
    validate(json.loads(msgspec.json.encode(example_slate())), golden_schema("slate"))
    validate(json.loads(msgspec.json.encode(example_outcomes())), golden_schema("outcome-batch"))


def test_the_processors_slates_and_dead_letters_are_valid_under_yesterdays_schemas() -> None:
    run = sound_run()
    for slate in run.slates:
        validate(json.loads(slate.value or b""), golden_schema("slate"))
    for letter in run.letters:
        headers = {name: value.decode() for name, value in letter.headers}
        validate(headers, golden_schema("dead-letter-headers"))


def test_the_schema_refuses_what_the_decoder_refuses_for_a_field() -> None:
    schema = all_schemas()["playback-event"]
    validator = jsonschema.Draft202012Validator(schema)
    for bad in bad_records():
        if bad.poison in ("invalid_field", "unknown_type") and bad.kind != "empty_steer":
            assert not validator.is_valid(json.loads(bad.value or b"")), bad


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def resolve(document: Any, ref: str) -> Any:
    assert ref.startswith("#/"), ref
    for step in ref[2:].split("/"):
        document = document[step]
    return document


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi_document()
    found = list(refs(document))
    assert found
    assert all(resolve(document, ref) is not None for ref in found)


ASYNCAPI_3 = {
    "type": "object",
    "required": ["asyncapi", "info"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "defaultContentType": {"type": "string"},
        "channels": {
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "additionalProperties": False,
                "properties": {
                    "address": {"type": ["string", "null"]},
                    "description": {"type": "string"},
                    "messages": {"additionalProperties": {"required": ["$ref"]}},
                    "bindings": {"required": ["kafka"]},
                },
            }
        },
        "operations": {
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "properties": {"action": {"enum": ["send", "receive"]}},
            }
        },
        "components": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "schemas": {
                    "propertyNames": {"pattern": r"^[\w.\-]+$"},
                    "additionalProperties": {
                        # A draft-07 superset: a discriminator would have to be a string.
                        "properties": {"discriminator": {"type": "string"}}
                    },
                },
                "messages": {
                    "propertyNames": {"pattern": r"^[\w.\-]+$"},
                    "additionalProperties": {
                        "additionalProperties": False,
                        "properties": {
                            "title": {"type": "string"},
                            "summary": {"type": "string"},
                            "contentType": {"type": "string"},
                            "headers": {"type": "object"},
                            "payload": {"type": "object"},
                            "bindings": {"required": ["kafka"]},
                            "examples": {
                                "items": {"anyOf": [{"required": ["payload"]}]},
                                "minItems": 1,
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The rules of AsyncAPI 3.0's own schema that this document touches, written down by hand."""


def test_the_asyncapi_document_keeps_the_rules_of_version_3() -> None:
    validate(asyncapi_document(), ASYNCAPI_3)


def test_operations_use_messages_of_their_channel_and_every_channel_is_used() -> None:
    document = asyncapi_document()
    used = {op["channel"]["$ref"].rsplit("/", 1)[-1] for op in document["operations"].values()}
    assert used == set(document["channels"])


def test_every_example_is_valid_under_the_payload_it_is_an_example_of() -> None:
    document = asyncapi_document()
    for message in document["components"]["messages"].values():
        for example in message.get("examples", ()):
            schema = {**document, **message["payload"]}
            jsonschema.Draft7Validator(schema).validate(example["payload"])


def test_yaml_says_the_same_as_the_data() -> None:
    hard: dict[str, Any] = {
        "text": ["no", "1.0", "a: b", "- x", "#", "", "null", "ü", "line\nbreak", "*a", "@x"],
        "nested": [{"a": {"b": [1, 2.5, True, None]}, "c": []}, [], {}, [["x"]]],
        "1": {"$ref": "#/x"},
    }
    assert yaml.safe_load(yaml_text(hard)) == hard


def test_an_event_made_with_the_cloudevents_sdk_decodes() -> None:
    attributes = {
        "id": "e9",
        "type": "com.example.playback.skipped",
        "source": "/player",
        "time": datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        "partitionkey": "u42",
        "datacontenttype": "application/json",
        "specversion": "1.0",
    }
    data = {"item_id": "track-2", "content_type": "music", "position_ms": 4000}
    message = to_binary_event(CloudEvent(attributes=attributes, data=data))
    assert message.key == "u42"
    headers = tuple(message.headers.items())
    event = decode(Record(0, 0, 1_795_251_600_000, b"u42", message.value, headers))
    assert (event.event_id, event.user_id, event.at_ms) == ("e9", "u42", 1_795_251_600_000)
    assert event.__struct_config__.tag == "skipped"


def test_the_headers_that_are_described_are_the_headers_that_are_written() -> None:
    letter = DeadLetter(
        topic="t",
        partition=0,
        offset=1,
        timestamp_ms=2,
        key=None,
        value=None,
        headers=(),
        kind="empty",
        message="m",
        attempt=1,
        first_failed_at_ms=3,
    )
    described = all_schemas()["dead-letter-headers"]["properties"]
    assert [name for name, _ in dead_letter_headers(letter)] == list(described)
