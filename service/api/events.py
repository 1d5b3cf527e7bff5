"""Routes that take events and wishes in. They append to the event log and do nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.deps import ApiDeps, now_ms
from service.api.envelope import outgoing, trace_parent
from service.api.ids import new_event_id
from service.api.intake import (
    BODY_BYTES_MAX,
    EVENTS_MAX,
    Fields,
    at_index,
    check_user_id,
    complete,
    steered,
    validate,
)
from service.api.ports import Outgoing, Receipt
from service.api.problems import Problem, invalid

ACCEPTED: Final = 202


def event_routes(deps: ApiDeps) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["events"])

    @routes.post("/v1/events", status_code=ACCEPTED)
    async def append(request: Request) -> Response:
        """Append one event, or a list of up to 500, to the log."""
        return await _append(deps, request, None)

    @routes.post("/v1/users/{user_id:path}/events", status_code=ACCEPTED)
    async def append_for(user_id: str, request: Request) -> Response:
        """The same for one user, whose id may then be left out of the events."""
        return await _append(deps, request, check_user_id(user_id))

    @routes.post("/v1/users/{user_id:path}/steer", status_code=ACCEPTED)
    async def steer(user_id: str, request: Request) -> Response:
        """Say what should come next; becomes a `steered` event."""
        checked = check_user_id(user_id)
        fields = steered(await _body(request), deps.catalogue)
        return await _send(deps, request, [_ready(deps, fields, checked)], as_list=False)

    return routes


async def _append(deps: ApiDeps, request: Request, user_id: str | None) -> Response:
    body = await _body(request)
    if not isinstance(body, list):
        return await _send(deps, request, [_ready(deps, body, user_id)], as_list=False)
    if not 1 <= len(body) <= EVENTS_MAX:
        raise invalid("", f"a list of {len(body)} events; send 1 to {EVENTS_MAX}")
    return await _send(deps, request, _ready_all(deps, body, user_id), as_list=True)


def _ready_all(deps: ApiDeps, body: Sequence[object], user_id: str | None) -> list[Fields]:
    """All or nothing: one bad event refuses the list, so no client has to guess what went in."""
    ready = []
    for index, fields in enumerate(body):
        try:
            ready.append(_ready(deps, fields, user_id))
        except Problem as problem:
            raise at_index(index, problem) from problem
    return ready


def _ready(deps: ApiDeps, fields: object, user_id: str | None) -> Fields:
    at_ms = now_ms(deps)
    event_id = new_event_id(at_ms)
    filled = complete(fields, deps.catalogue, user_id=user_id, event_id=event_id, at_ms=at_ms)
    validate(filled, at_ms)
    return filled


async def _send(
    deps: ApiDeps, request: Request, ready: Sequence[Fields], *, as_list: bool
) -> Response:
    sent_at_ns = deps.clock.now_ns()
    parent = trace_parent(request.headers.get("traceparent"))
    events: list[Outgoing] = [outgoing(fields, sent_at_ns, parent) for fields in ready]
    receipts = await deps.sink.send_many(events)
    for fields in ready:
        deps.metrics.accepted.labels(fields["type"]).inc()
    answers = [
        _answer(fields, receipt, sent_at_ns)
        for fields, receipt in zip(ready, receipts, strict=True)
    ]
    body: object = {"events": answers} if as_list else answers[0]
    return Response(orjson.dumps(body), ACCEPTED, media_type="application/json")


def _answer(fields: Fields, receipt: Receipt, sent_at_ns: int) -> Mapping[str, Any]:
    return {
        "event_id": fields["event_id"],
        "partition": receipt.partition,
        "offset": receipt.offset,
        "sent_at_ns": sent_at_ns,
    }


async def _body(request: Request) -> object:
    """Read the JSON body, but never more of it than is allowed."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > BODY_BYTES_MAX:
            raise Problem(413, f"more than {BODY_BYTES_MAX} bytes; send smaller lists")
    try:
        body: object = orjson.loads(bytes(chunks))
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    return body
