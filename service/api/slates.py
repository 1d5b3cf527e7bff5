"""Routes that read slates: the latest one, and the stream of them."""

from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from service.api.deps import ApiDeps
from service.api.intake import check_user_id
from service.api.items import cards_of
from service.api.ports import Catalogue
from service.api.problems import Problem
from service.api.stream import Listener, last_version, open_stream

Expand = Annotated[Literal["items"] | None, Query(description="add titles and artists")]

_UNBUFFERED: Final = {"X-Accel-Buffering": "no"}  # tells nginx not to hold events back


def slate_routes(deps: ApiDeps) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["slates"])

    @routes.get("/v1/users/{user_id:path}/slate/stream")
    async def stream(
        user_id: str,
        expand: Expand = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        """Every new slate of the user as server-sent events; their id is its version."""
        catalogue = deps.catalogue if expand else None
        listener = Listener(check_user_id(user_id), last_version(last_event_id), catalogue)
        content = await open_stream(deps.hub, deps.slates, listener)
        return StreamingResponse(content, headers=_UNBUFFERED, media_type="text/event-stream")

    @routes.get("/v1/users/{user_id:path}/slate")
    async def latest(user_id: str, expand: Expand = None) -> Response:
        """The latest slate as it was published; `?expand=items` wraps it as {slate, cards}."""
        slate = await deps.slates.get(check_user_id(user_id))
        if slate is None:
            raise Problem(404, "no slate for this user yet; send a playback event first")
        body = expanded(slate, deps.catalogue) if expand else slate
        return Response(body, media_type="application/json")

    return routes


def expanded(slate: bytes, catalogue: Catalogue) -> bytes:
    """Return the slate with the cards of its items beside it."""
    body: dict[str, Any] = orjson.loads(slate)
    return orjson.dumps({"slate": body, "cards": cards_of(body, catalogue)})
