"""Routes for whoever runs the service: is it alive, can it serve, what does it count."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.deps import ApiDeps
from service.core.errors import Unavailable

CHECK_TIMEOUT_S: Final = 2.0

Check = Callable[[], Awaitable[object]]


def health_routes(deps: ApiDeps, is_pumping: Callable[[], bool]) -> APIRouter:
    """Build the routes. `is_pumping` tells whether slates still flow to the streams."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/livez")
    async def livez() -> Response:
        """Whether this process is worth keeping: its loop turns and it still reads slates."""
        if is_pumping():
            return PlainTextResponse("ok\n")
        return PlainTextResponse("the slate feed has ended; restart\n", 503)

    @routes.get("/readyz")
    async def readyz() -> Response:
        """Whether requests can be served: what answers, and what is wrong with the rest."""
        checks = {
            "event_log": deps.sink.ping,
            "slate_feed": deps.feed.ping,
            "slate_cache": deps.slates.ping,
        }
        results = await asyncio.gather(*(_result(check) for check in checks.values()))
        report = dict(zip(checks, results, strict=True))
        report["catalogue"] = "ok" if len(deps.catalogue) else "empty"
        is_ready = all(result == "ok" for result in report.values())
        body = orjson.dumps({"ready": is_ready, "checks": report})
        return Response(body, 200 if is_ready else 503, media_type="application/json")

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Figures in Prometheus' text format."""
        return Response(deps.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes


async def _result(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Unavailable as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    return "ok"
