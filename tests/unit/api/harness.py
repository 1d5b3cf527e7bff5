"""The whole HTTP side on twins, and a client that can read a stream slowly."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx2
from fastapi import FastAPI

from service.api.app import create_app
from service.api.deps import ApiDeps
from service.api.hub import SlateHub
from service.api.ports import ItemCard
from service.api.twins import (
    MemoryCatalogue,
    MemoryFeed,
    MemorySink,
    MemorySlates,
    MemoryStates,
    SetClock,
)
from service.core.events import ArtistId, ItemId, Record, UserId

U1 = UserId("u1")
CARDS = (
    ItemCard(
        item_id=ItemId("i1"),
        title="Paper Lanterns",
        content_type="music",
        artist_id=ArtistId("a1"),
        artist="The Harbours",
        duration_ms=200_000,
    ),
    ItemCard(item_id=ItemId("i2"), title="New Paper", content_type="podcast"),
)


def slate_json(version: int, user_id: str = "u1") -> bytes:
    """A slate as a worker publishes it, as far as the HTTP side looks."""
    items = [{"item_id": "i1", "reasons": ["similar_to:i2"]}]
    return json.dumps({"user_id": user_id, "version": version, "items": items}).encode()


def slate_record(
    version: int, *, user_id: str = "u1", headers: tuple[tuple[str, bytes], ...] = ()
) -> Record:
    """The record that carries it."""
    return Record(0, version, 1_000, user_id.encode(), slate_json(version, user_id), headers)


def tombstone(user_id: str = "u1", headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    """The record that ends a user."""
    return Record(0, 0, 1_000, user_id.encode(), None, headers)


@dataclass
class Api:
    """The app on twins, each within reach."""

    app: FastAPI
    client: httpx2.AsyncClient
    deps: ApiDeps
    slates: MemorySlates
    states: MemoryStates
    sink: MemorySink
    feed: MemoryFeed
    clock: SetClock

    def open(self, path: str, **headers: str) -> "Stream":
        """Open a stream."""
        return Stream(self.app, path, headers)


@asynccontextmanager
async def running_api() -> AsyncIterator[Api]:
    """Start the app on fresh twins."""
    slates, states, sink, feed, clock = (
        MemorySlates(),
        MemoryStates(),
        MemorySink(),
        MemoryFeed(),
        SetClock(),
    )
    deps = ApiDeps(
        slates=slates,
        states=states,
        sink=sink,
        feed=feed,
        catalogue=MemoryCatalogue(CARDS),
        clock=clock,
        hub=SlateHub(clock),
    )
    app = create_app(deps)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://segue") as client,
    ):
        yield Api(app, client, deps, slates, states, sink, feed, clock)


class Stream:
    """A reader of server-sent events that takes one chunk when it is asked, and none before."""

    def __init__(self, app: FastAPI, path: str, headers: dict[str, str]) -> None:
        path, _, query = path.partition("?")
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self._app = app
        self._chunks: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue(maxsize=1)
        self._gone = asyncio.Event()
        self.status = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._app(self._scope, self._receive, self._chunks.put))
        start = await self._chunks.get()
        self.status = start["status"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def next_event(self) -> dict[str, str]:
        """Read on to the next event; comments are passed over."""
        while True:
            fields = await self.next_chunk()
            if "data" in fields:
                return fields

    async def next_chunk(self) -> dict[str, str]:
        """Read one chunk as fields; the field of a comment has no name."""
        body: bytes = (await self._chunks.get()).get("body", b"")
        lines = [line for line in body.decode().splitlines() if line]
        return {
            name: value.removeprefix(" ") for name, _, value in (s.partition(":") for s in lines)
        }

    async def ended(self) -> bool:
        """Read whatever is left, and tell whether the stream ended by itself."""
        while (await self._chunks.get()).get("more_body", False):
            pass
        await asyncio.wait([self._task])
        return self._task.exception() is None

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}
