"""Routes that read slates: the latest one, and the stream of them."""

from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from service.api.deps import ApiDeps
from service.api.intake import check_user_id
from service.api.items import card_fields
from service.api.ports import Catalogue
from service.api.problems import Problem
from service.api.stream import last_version, open_stream

_UNBUFFERED: Final = {"X-Accel-Buffering": "no"}  # tells nginx not to hold events back


def slate_routes(deps: ApiDeps) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["slates"])

    @routes.get("/v1/users/{user_id:path}/slate/stream")
    async def stream(
        user_id: str, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        """Every new slate of the user as server-sent events; their id is its version."""
        seen = last_version(last_event_id)
        content = await open_stream(deps.hub, deps.slates, check_user_id(user_id), seen)
        return StreamingResponse(content, headers=_UNBUFFERED, media_type="text/event-stream")

    @routes.get("/v1/users/{user_id:path}/slate")
    async def latest(
        user_id: str, expand: Annotated[Literal["items"] | None, Query()] = None
    ) -> Response:
        """The latest slate as it was published; `?expand=items` adds titles and artists."""
        slate = await deps.slates.get(check_user_id(user_id))
        if slate is None:
            raise Problem(404, "no slate for this user yet; send a playback event first")
        body = expanded(slate, deps.catalogue) if expand else slate
        return Response(body, media_type="application/json")

    return routes


def expanded(slate: bytes, catalogue: Catalogue) -> bytes:
    """Return the slate with a `card` beside each item that the catalogue knows."""
    body: dict[str, Any] = orjson.loads(slate)
    for item in body.get("items", ()):
        card = catalogue.card(item["item_id"])
        item["card"] = card_fields(card) if card else None
    return orjson.dumps(body)
