"""Events and wishes over HTTP: what is complete goes into the log, what is not is refused."""

import json
from typing import Any

import pytest

from service.core.events import Record, Skipped, Started, Steered
from service.core.wire import decode
from tests.unit.api.harness import Api

EVENTS = "/v1/users/u1/events"
STEER = "/v1/users/u1/steer"
NOW_MS = 1_700_000_000_000


def event(**changes: Any) -> dict[str, Any]:
    return {"type": "started", "item_id": "i1", "content_type": "music"} | changes


def logged(api: Api, index: int = 0) -> Any:
    """What a worker makes of the record."""
    sent = api.sink.log[index]
    return decode(Record(0, index, NOW_MS, sent.user_id.encode(), sent.value, sent.headers))


async def test_an_event_is_appended_as_a_worker_reads_it(api: Api) -> None:
    answer = await api.client.post(EVENTS, json=event())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["partition"], body["offset"]) == (0, 0)
    read = logged(api)
    assert isinstance(read, Started)
    assert (read.user_id, read.event_id, read.at_ms) == ("u1", body["event_id"], NOW_MS)


async def test_what_the_catalogue_knows_is_filled_in(api: Api) -> None:
    await api.client.post(EVENTS, json={"type": "skipped", "item_id": "i1", "position_ms": 9})
    read = logged(api)
    assert isinstance(read, Skipped)
    assert (read.artist_id, read.content_type, read.duration_ms) == ("a1", "music", 200_000)


async def test_what_the_client_says_stands(api: Api) -> None:
    said = event(event_id="mine", at_ms=5, artist_id="a9", colour="blue")
    await api.client.post(EVENTS, json=said)
    assert (logged(api).event_id, logged(api).at_ms, logged(api).artist_id) == ("mine", 5, "a9")
    assert json.loads(api.sink.log[0].value)["colour"] == "blue"


async def test_the_envelope_is_a_cloud_event_that_says_when_it_was_sent(api: Api) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await api.client.post(EVENTS, json=event(event_id="e1"), headers={"traceparent": parent})
    headers = dict(api.sink.log[0].headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"segue.playback.started"
    assert headers["ce_time"] == b"2023-11-14T22:13:20.000Z"
    assert headers["segue.sent_at_ns"] == str(api.clock.at_ns).encode()
    assert headers["traceparent"] == parent.encode()


async def test_a_broken_traceparent_is_left_out(api: Api) -> None:
    await api.client.post(EVENTS, json=event(), headers={"traceparent": "00-zz"})
    assert "traceparent" not in dict(api.sink.log[0].headers)


async def test_a_list_keeps_its_order(api: Api) -> None:
    both = [event(type="skipped", event_id="e1"), event(item_id="i2", event_id="e2")]
    answer = await api.client.post(EVENTS, json=both)
    assert [one["event_id"] for one in answer.json()["events"]] == ["e1", "e2"]
    assert [logged(api, 0).event_id, logged(api, 1).event_id] == ["e1", "e2"]


async def test_one_bad_event_refuses_the_whole_list(api: Api) -> None:
    answer = await api.client.post(EVENTS, json=[event(), event(at_ms="soon")])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/1/at_ms"
    assert api.sink.log == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at_ms": "noon"}, "/at_ms"),
        ({"at_ms": NOW_MS + 3_600_000}, "/at_ms"),
        ({"type": "danced"}, "/type"),
        ({"type": None}, "/type"),
        ({"item_id": None}, "/item_id"),
        ({"item_id": "a b"}, "/item_id"),
        ({"content_type": "opera"}, "/content_type"),
        ({"position_ms": -1}, "/position_ms"),
        ({"served": {"slate_version": 1, "slot": "x"}}, "/served/slot"),
        ({"user_id": "u2"}, "/user_id"),
        ({"type": "steered", "intent": {}}, "/intent"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    answer = await api.client.post(EVENTS, json=event(**changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert api.sink.log == []


async def test_without_a_user_in_the_address_the_event_must_name_one(api: Api) -> None:
    assert (await api.client.post("/v1/events", json=event())).json()["errors"][0]["field"] == (
        "/user_id"
    )
    assert (await api.client.post("/v1/events", json=event(user_id="u7"))).status_code == 202
    assert api.sink.log[0].user_id == "u7"


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b'{"at_ms": NaN}', b"[" * 5_000])
async def test_what_is_not_json_is_said_to_be_none(api: Api, body: bytes) -> None:
    answer = await api.client.post(EVENTS, content=body)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Not JSON"


@pytest.mark.parametrize("body", ["[]", "7", "null", '"x"', "[1]"])
async def test_json_that_is_no_event_is_refused(api: Api, body: str) -> None:
    assert (await api.client.post(EVENTS, content=body)).status_code == 422


async def test_too_much_is_refused_without_reading_it_all(api: Api) -> None:
    assert (await api.client.post(EVENTS, content=b"x" * 1_100_000)).status_code == 413
    assert (await api.client.post(EVENTS, json=event(note="x" * 70_000))).status_code == 413


async def test_an_impossible_user_is_refused(api: Api) -> None:
    answer = await api.client.post("/v1/users/a{b/events", json=event())
    assert answer.json()["errors"][0]["field"] == "user_id"


async def test_a_wish_becomes_a_steered_event(api: Api) -> None:
    wish = {"more_like": ["i1"], "exclude_types": ["video"], "event_id": "e1"}
    assert (await api.client.post(STEER, json=wish)).status_code == 202
    read = logged(api)
    assert isinstance(read, Steered)
    assert (read.event_id, read.intent.more_like) == ("e1", ("i1",))
    assert (read.intent.exclude_types, read.intent.source) == (("video",), "api")


async def test_less_of_an_items_artist_is_looked_up(api: Api) -> None:
    await api.client.post(STEER, json={"less_artist_of": "i1", "less_artists": ["a5"]})
    assert logged(api).intent.less_artists == ("a5", "a1")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, ""),
        ({"source": "button"}, ""),
        ({"exclude_type": ["video"]}, "/exclude_type"),
        ({"exclude_types": ["opera"]}, "/exclude_types/0"),
        ({"less_artist_of": "i2"}, "/less_artist_of"),
        ({"less_artist_of": "unheard"}, "/less_artist_of"),
        ({"more_like": "i1"}, "/more_like"),
        ([], ""),
    ],
)
async def test_a_wish_is_read_to_the_letter(api: Api, wish: Any, field: str) -> None:
    answer = await api.client.post(STEER, json=wish)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_log_that_does_not_answer_is_no_success(api: Api) -> None:
    api.sink.is_down = True
    answer = await api.client.post(EVENTS, json=event())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
