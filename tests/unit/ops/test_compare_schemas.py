"""The comparer has teeth: every way to break a reader or a writer is found, growth is not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from service.ops.contracts.compare import Side, breaks
from service.ops.contracts.schemas import all_schemas

Schema = dict[str, Any]
Change = Callable[[Schema], None]


def changed(schema: Schema, change: Change) -> Schema:
    new = copy.deepcopy(schema)
    change(new)
    return new


def found(name: str, change: Change, side: Side) -> list[str]:
    old = all_schemas()[name]
    return [str(one) for one in breaks(old, changed(old, change), side)]


def remove_field(schema: Schema) -> None:
    del schema["$defs"]["Skipped"]["properties"]["position_ms"]


def change_type(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["at_ms"] = {"type": "string"}


def require_more(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["required"].append("device")


def narrow_enum(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["content_type"]["enum"].remove("video")


def tighten_bound(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["user_id"]["maxLength"] = 64


def change_pattern(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["user_id"]["pattern"] = "^[a-z]+$"


def remove_event(schema: Schema) -> None:
    schema["anyOf"] = [m for m in schema["anyOf"] if not m["$ref"].endswith("/Seeked")]


def forbid_null(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["device"] = {"type": "string", "maxLength": 64}


def change_nested(schema: Schema) -> None:
    schema["$defs"]["Served"]["properties"]["slot"]["maximum"] = 10


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (remove_field, "$<skipped>.position_ms: field removed"),
        (change_type, "$<skipped>.at_ms: type changed from integer to string"),
        (require_more, "$<skipped>.device: now required: yesterday's writers do not send it"),
        (narrow_enum, "$<skipped>.content_type: enum narrowed: 'video' no longer accepted"),
        (tighten_bound, "$<skipped>.user_id: maxLength changed from 128 to 64"),
        (remove_event, "$: no longer accepts seeked"),
        (forbid_null, "$<skipped>.device: no longer accepts null"),
    ],
)
def test_a_change_that_breaks_a_writer_of_events_is_found(change: Change, expected: str) -> None:
    assert found("playback-event", change, "input") == [expected]


def test_a_narrower_pattern_and_a_nested_bound_are_found() -> None:
    (pattern,) = found("playback-event", change_pattern, "input")
    assert pattern.startswith("$<skipped>.user_id: pattern changed from ")
    nested = "$<skipped>.served<object>.slot: maximum changed from 1000 to 10"
    assert nested in found("playback-event", change_nested, "input")


def drop_promise(schema: Schema) -> None:
    schema["$defs"]["Slate"]["required"].remove("version")


def remove_slate_field(schema: Schema) -> None:
    del schema["$defs"]["SlateItem"]["properties"]["reasons"]


def widen_enum(schema: Schema) -> None:
    schema["$defs"]["SlateItem"]["properties"]["content_type"]["enum"].append("game")


def allow_null(schema: Schema) -> None:
    one = schema["$defs"]["Slate"]["properties"]["reason"]
    schema["$defs"]["Slate"]["properties"]["reason"] = {"anyOf": [one, {"type": "null"}]}


def change_head_type(schema: Schema) -> None:
    schema["$defs"]["SlateItem"]["properties"]["heads"]["additionalProperties"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop_promise, "$.version: no longer promised: yesterday's readers need it"),
        (remove_slate_field, "$.items[].reasons: field removed"),
        (widen_enum, "$.items[].content_type: enum widened: readers do not know 'game'"),
        (allow_null, "$.reason: may now be null, which readers do not expect"),
        (change_head_type, "$.items[].heads.*: type changed from number to string"),
    ],
)
def test_a_change_that_breaks_a_reader_of_slates_is_found(change: Change, expected: str) -> None:
    assert found("slate", change, "output") == [expected]


def add_optional_field(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["mood"] = {"type": "string"}


def widen_content_type(schema: Schema) -> None:
    schema["$defs"]["Skipped"]["properties"]["content_type"]["enum"].append("game")


def add_event(schema: Schema) -> None:
    schema["$defs"]["Rated"] = {"type": "object", "properties": {"type": {"enum": ["rated"]}}}
    schema["anyOf"].append({"$ref": "#/$defs/Rated"})


@pytest.mark.parametrize("change", [add_optional_field, widen_content_type, add_event])
def test_growth_of_an_input_breaks_nobody(change: Change) -> None:
    assert found("playback-event", change, "input") == []


def add_slate_field(schema: Schema) -> None:
    schema["$defs"]["Slate"]["properties"]["mood"] = {"type": "string"}
    schema["$defs"]["Slate"]["required"].append("mood")


def test_growth_of_an_output_breaks_nobody() -> None:
    assert found("slate", add_slate_field, "output") == []


@pytest.mark.parametrize("name", all_schemas())
@pytest.mark.parametrize("side", ["input", "output"])
def test_a_schema_does_not_break_itself(name: str, side: Side) -> None:
    schema = all_schemas()[name]
    assert breaks(schema, schema, side) == []
