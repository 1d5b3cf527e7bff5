"""Slates, states, items, documents and health over HTTP."""

import dataclasses
import re
from pathlib import Path

import httpx2
import pytest

from service.api.app import create_app
from service.api.documents import PAGE
from service.core.codec import Fence, Stored
from service.core.session import EMPTY, fold
from tests.event_makers import item_fact, record_of
from tests.unit.api.harness import U1, Api, slate_json


async def test_a_slate_is_given_byte_for_byte(api: Api) -> None:
    api.slates.slates[U1] = slate_json(3)
    answer = await api.client.get("/v1/users/u1/slate")
    assert (answer.status_code, answer.content) == (200, slate_json(3))


async def test_titles_come_beside_the_slate_when_asked_for(api: Api) -> None:
    api.slates.slates[U1] = slate_json(3)
    body = (await api.client.get("/v1/users/u1/slate?expand=items")).json()
    assert body["slate"]["version"] == 3
    assert body["cards"]["i1"]["artist"] == "The Harbours"


async def test_no_slate_is_a_problem(api: Api) -> None:
    answer = await api.client.get("/v1/users/u1/slate")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


async def test_a_user_id_may_hold_whatever_an_event_allows(api: Api) -> None:
    name = "org/team:7@x"
    api.slates.slates[type(U1)(name)] = slate_json(3, name)
    assert (await api.client.get("/v1/users/org%2Fteam:7@x/slate")).status_code == 200


async def test_the_state_is_shown_in_words(api: Api) -> None:
    played = item_fact(item="i1", artist_id="a1")
    state, _ = fold(EMPTY, played, record_of(played, 4))
    api.states.states[U1] = Stored(Fence(b"lineage1", 2, 1, 4), state)
    body = (await api.client.get("/v1/users/u1/state")).json()
    assert (body["partition"], body["offset"], body["version"]) == (2, 4, 5)
    assert body["ring"][0]["title"] == "Paper Lanterns"
    assert body["ring"][0]["end"] == "playing"
    assert body["artists"][0]["name"] == "The Harbours"


async def test_nothing_known_is_a_problem(api: Api) -> None:
    assert (await api.client.get("/v1/users/u1/state")).status_code == 404
    assert (await api.client.get("/v1/items/unheard")).status_code == 404
    assert (await api.client.get("/nowhere")).headers["content-type"] == "application/problem+json"


async def test_search_prefers_titles_that_begin_so(api: Api) -> None:
    found = (await api.client.get("/v1/catalog/search?q=paper")).json()["items"]
    assert [item["title"] for item in found] == ["Paper Lanterns", "New Paper"]


async def test_a_bad_parameter_is_named(api: Api) -> None:
    answer = await api.client.get("/v1/catalog/search?q=paper&limit=999")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


async def test_ready_means_that_everything_answers(api: Api) -> None:
    assert (await api.client.get("/readyz")).json()["ready"] is True
    api.sink.is_down = True
    answer = await api.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["event_log"] != "ok"
    assert answer.json()["checks"]["slate_cache"] == "ok"


async def test_alive_means_that_slates_still_flow(api: Api) -> None:
    assert (await api.client.get("/livez")).status_code == 200


async def test_every_answer_is_guarded_and_none_is_shared_with_other_sites(api: Api) -> None:
    for path in ("/", "/v1/users/u1/slate", "/nowhere", "/livez"):
        answer = await api.client.get(path, headers={"Origin": "http://elsewhere"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


async def test_the_page_needs_nothing_from_elsewhere(api: Api) -> None:
    answer = await api.client.get("/")
    assert answer.headers["content-security-policy"].count("sha256-") == 2
    outside = re.findall(r"https?://[^\s'\"]+", PAGE.read_text())
    assert set(outside) == {"http://www.w3.org/2000/svg"}  # a namespace, never fetched


async def test_figures_name_routes_and_never_users(api: Api) -> None:
    await api.client.get("/v1/users/somebody/slate")
    text = (await api.client.get("/metrics")).text
    assert 'route="/v1/users/{user_id:path}/slate",status="404"' in text
    assert "somebody" not in text
    assert "segue_api_streams 0.0" in text


@pytest.mark.parametrize("name", ["../secret.json", "%2e%2e/secret.json", "x.txt", "missing.json"])
async def test_only_contracts_are_served(api: Api, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text("{}")
    schemas = tmp_path / "contracts" / "schemas"
    schemas.mkdir(parents=True)
    (schemas / "event.json").write_text("{}")
    (schemas / "x.txt").write_text("")
    app = create_app(dataclasses.replace(api.deps, contracts=tmp_path / "contracts"))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://segue") as client:
        assert (await client.get("/schemas/event.json")).status_code == 200
        assert (await client.get(f"/schemas/{name}")).status_code == 404
        assert (await client.get("/asyncapi.yaml")).status_code == 404
